package org.pytorch;

/** The public API that the runner uses, for compiling only; an AAR brings the class. */
public class LiteModuleLoader {
    public static native Module load(String path);
}
