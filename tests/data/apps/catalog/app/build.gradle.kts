plugins {
    alias(libs.plugins.android.application)
}

dependencies {
    implementation(libs.pytorch.android.lite)
    implementation(libs.bundles.vision)
}
