plugins {
    id("com.android.application")
}

val patch = "2"

dependencies {
    implementation(Libraries.pytorch)
    implementation(
        group = "org.pytorch",
        name = "pytorch_android_torchvision_lite",
        version = "1.${rootProject.extra["torchMinor"]}." + patch,
    )
    implementation("org.pytorch", "torchvision_ops", "0.13.1")
}
