package org.pytorch;

import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;

/** The public API that the runner uses, for compiling only; an AAR brings the class. */
public abstract class Tensor {
    public static native Tensor fromBlobUnsigned(ByteBuffer data, long[] shape, MemoryFormat format);
    public static native Tensor fromBlob(ByteBuffer data, long[] shape, MemoryFormat format);
    public static native Tensor fromBlob(IntBuffer data, long[] shape, MemoryFormat format);
    public static native Tensor fromBlob(FloatBuffer data, long[] shape, MemoryFormat format);
    public static native Tensor fromBlob(LongBuffer data, long[] shape, MemoryFormat format);
    public static native Tensor fromBlob(DoubleBuffer data, long[] shape, MemoryFormat format);
    public native long[] shape();
    public native MemoryFormat memoryFormat();
    public abstract DType dtype();
    public native byte[] getDataAsByteArray();
    public native byte[] getDataAsUnsignedByteArray();
    public native int[] getDataAsIntArray();
    public native float[] getDataAsFloatArray();
    public native long[] getDataAsLongArray();
    public native double[] getDataAsDoubleArray();
}
