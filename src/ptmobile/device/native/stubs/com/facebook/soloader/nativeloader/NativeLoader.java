package com.facebook.soloader.nativeloader;

/** For compiling only; the library nativeloader brings it. */
public class NativeLoader {
    public static native boolean loadLibrary(String name);
    public static native void init(NativeLoaderDelegate delegate);
}
