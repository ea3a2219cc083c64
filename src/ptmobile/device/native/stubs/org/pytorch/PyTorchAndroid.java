package org.pytorch;

/** The public API that the runner uses, for compiling only; an AAR brings the class. */
public class PyTorchAndroid {
    public static native void setNumThreads(int threads);
}
