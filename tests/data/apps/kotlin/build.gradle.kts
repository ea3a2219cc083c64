plugins {
    id("com.android.application") version "8.1.0" apply false
}
val torchMinor by extra("12")
