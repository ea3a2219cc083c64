dependencyResolutionManagement {
    versionCatalogs {
        create("ml") {
            from(files("gradle/learning.versions.toml"))
        }
    }
}
include(":app")
