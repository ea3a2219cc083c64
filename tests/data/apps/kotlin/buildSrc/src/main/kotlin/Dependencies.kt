object Versions {
    const val pytorch = "1.12.2"
}

object Libraries {
    const val pytorch = "org.pytorch:pytorch_android_lite:${Versions.pytorch}"
}
