package org.pytorch;

/** The public API that the runner uses, for compiling only; an AAR brings the class. */
public class Module {
    public static native Module load(String path);
    public native IValue forward(IValue... inputs);
    public native IValue runMethod(String name, IValue... inputs);
    public native void destroy();
}
