dependencies {
    implementation("org.pytorch:pytorch_android_lite:1.9.0)
}
