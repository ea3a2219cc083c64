package android.content.res;

/** The only Android class that the AAR's loader names. Models are loaded from a path here: it is never used. */
public final class AssetManager {}
