"""What an app meets beside the model: Java's types, the native libraries, Gradle."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

APP: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="java-dtype",
        says="at::Tensor scalar type Bool is not supported on java side",
        patterns=(r"scalar type (?P<type>\w{0,20}) ?is not supported on java side",),
        stages=("device",),
        cause=("Java takes uint8, int8, int32, int64, float32 and float64 only, and the model returns something else."),
        detail="It is {type}.",
        remedy="Cast the output at the end of forward: .float(), .to(torch.uint8) for bool, .dequantize().",
        source=(
            "pytorch/android-demo-app#30",
            "pytorch/pytorch#74660",
            "android/pytorch_android/src/main/cpp/pytorch_jni_common.cpp",
        ),
        example="java.lang.IllegalArgumentException: at::Tensor scalar type Bool is not supported on java side",
    ),
    KnownError(
        id="java-value-kind",
        says="Expected IValue type Tuple, actual type TensorList",
        patterns=(r"Expected IValue type (?P<wanted>\w{1,20}), actual type (?P<found>\w{1,20})",),
        stages=("device",),
        cause="The app reads the output as another kind than the model returns.",
        detail="The app asks for {wanted}, the model returns {found} (2 is a tensor, 7 a tuple).",
        remedy=(
            "Read it as what it is: toTensor, toTuple, toTensorList, toDictStringKey; the report lists the "
            "outputs. Or return something else from forward."
        ),
        source=(
            "pytorch/android-demo-app#224",
            "pytorch/android-demo-app#270",
            "pytorch/vision#2666",
            "android/pytorch_android/src/main/java/org/pytorch/IValue.java",
        ),
        example="java.lang.IllegalStateException: Expected IValue type Tuple, actual type TensorList",
    ),
    KnownError(
        id="java-native-library",
        says='dlopen failed: library "libpytorch_jni.so" not found',
        patterns=(
            r"(?:library|find|load:?) \"?libpytorch_jni(?:_lite)?\.so",
            r"libpytorch_jni(?:_lite)?\.so\"? not found",
        ),
        stages=("device",),
        cause="The app has the lite library and loads by the class of the full one, or the other way round.",
        remedy=(
            "With pytorch_android_lite call LiteModuleLoader.load; Module.load belongs to pytorch_android. "
            "Declare one of the two, with torchvision of the same kind and release."
        ),
        source=("pytorch/pytorch#58913", "pytorch/pytorch#59190", "pytorch/android-demo-app#159"),
        example='java.lang.UnsatisfiedLinkError: dlopen failed: library "libpytorch_jni.so" not found',
    ),
    KnownError(
        id="java-duplicate-classes",
        says="Duplicate class com.facebook.jni.CppException found in modules",
        patterns=(r"Duplicate class com\.facebook\.(?:jni|soloader)",),
        stages=("device",),
        cause="React Native, or another library, brings its own fbjni beside that of PyTorch.",
        remedy="Exclude one in Gradle: exclude module: 'fbjni-java-only' in the PyTorch dependencies.",
        source=("pytorch/pytorch#43142", "pytorch/pytorch#80321"),
        example=(
            "java.lang.RuntimeException: Duplicate class com.facebook.jni.CppException found in modules "
            "fbjni-java-only-0.0.3.jar"
        ),
    ),
    KnownError(
        id="java-release-missing",
        says="Could not find org.pytorch:pytorch_android_lite:2.0.1",
        patterns=(r"Could not find (?P<name>org\.pytorch:[\w.-]{1,60}:[\w.-]{1,30})", r"Unable to find 'org\.pytorch:"),
        stages=("device",),
        cause=(
            "Gradle finds no such release: not every one of torch was published for Android, and no snapshots are kept."
        ),
        detail="It looks for {name} in vain.",
        remedy=(
            "Choose one that `ptmobile runtimes list` names, such as 1.12.2, 1.13.1 or the last, 2.1.0, from "
            "mavenCentral()."
        ),
        source=("pytorch/pytorch#101972", "pytorch/android-demo-app#145"),
        example=(
            "Could not resolve all files for configuration ':app:debugRuntimeClasspath'. > Could not find "
            "org.pytorch:pytorch_android:1.8.0-SNAPSHOT. Searched in the following locations:"
        ),
    ),
    KnownError(
        id="java-page-size",
        says="The native library arm64-v8a/libpytorch_jni_lite.so is not 16 KB aligned",
        patterns=(r"libpytorch\w{0,20}\.so.{0,120}16 ?KB", r"16 ?KB.{0,300}libpytorch\w{0,20}\.so"),
        stages=("device",),
        cause=(
            "Google Play wants libraries for pages of 16 KB in apps for Android 15; all published ones of PyTorch "
            "are for 4 KB."
        ),
        remedy=(
            "Build the library yourself with -Wl,-z,max-page-size=16384 and give it as `runtime-library`, or move "
            "to ExecuTorch."
        ),
        source=("pytorch/pytorch#154449", "abdelaziz-mahdy/pytorch_lite#97"),
        example=(
            "The native library arm64-v8a/libpytorch_jni_lite.so (from org.pytorch:pytorch_android_lite:2.1.0) is "
            "not 16 KB aligned"
        ),
    ),
    KnownError(
        id="java-native-loader",
        says="Cannot re-initialize NativeLoader",
        patterns=(r"Cannot re-initialize NativeLoader", r"NativeLoader has not been initialized"),
        stages=("device",),
        cause="NativeLoader was initialised twice, or not at all, before a native library was loaded.",
        remedy=(
            "Write: if (!NativeLoader.isInitialized()) NativeLoader.init(new SystemDelegate()); once, before loading."
        ),
        source=("pytorch/android-demo-app#143", "facebookincubator/fbjni#59"),
        example="java.lang.IllegalStateException: Cannot re-initialize NativeLoader.",
    ),
)

#: What is printed where nothing is wrong; last of all, so that it hides no error beside it.
HARMLESS: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="java-code-gen",
        says="couldn't find DSO to load: libtorch-code-gen.so",
        patterns=(r"couldn't find DSO to load: libtorch-code-gen\.so",),
        stages=("device",),
        cause="Every release prints this line; that library is optional and is in no published release.",
        remedy="Ignore it, and look for another line if the app does not work.",
        source=("pytorch/android-demo-app#142", "pytorch/pytorch#109579"),
        example="couldn't find DSO to load: libtorch-code-gen.so",
    ),
)
