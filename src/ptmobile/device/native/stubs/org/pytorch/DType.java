package org.pytorch;

/** For compiling only; constants are told apart by name. */
public enum DType {}
