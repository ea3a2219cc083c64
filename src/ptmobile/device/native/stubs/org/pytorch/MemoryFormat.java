package org.pytorch;

/** For compiling only; constants are looked up by name, since not every release has all of them. */
public enum MemoryFormat {}
