package com.facebook.soloader.nativeloader;

/** For compiling only; the library nativeloader brings it. */
public class SystemDelegate implements NativeLoaderDelegate {}
