plugins { id("com.android.application") }
dependencies {
    implementation(ml.torch)
}
