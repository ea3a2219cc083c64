package org.pytorch;

import java.util.Map;

/** The public API that the runner uses, for compiling only; an AAR brings the class. */
public class IValue {
    public native boolean isNull();
    public native boolean isTensor();
    public native boolean isBool();
    public native boolean isLong();
    public native boolean isDouble();
    public native boolean isString();
    public native boolean isTuple();
    public native boolean isBoolList();
    public native boolean isLongList();
    public native boolean isDoubleList();
    public native boolean isTensorList();
    public native boolean isList();
    public native boolean isDictStringKey();
    public native boolean isDictLongKey();
    public static native IValue optionalNull();
    public static native IValue from(Tensor value);
    public static native IValue from(boolean value);
    public static native IValue from(long value);
    public static native IValue from(double value);
    public static native IValue from(String value);
    public static native IValue listFrom(boolean... values);
    public static native IValue listFrom(long... values);
    public static native IValue listFrom(double... values);
    public static native IValue listFrom(Tensor... values);
    public static native IValue listFrom(IValue... values);
    public static native IValue tupleFrom(IValue... values);
    public static native IValue dictStringKeyFrom(Map<String, IValue> values);
    public static native IValue dictLongKeyFrom(Map<Long, IValue> values);
    public native Tensor toTensor();
    public native boolean toBool();
    public native long toLong();
    public native double toDouble();
    public native String toStr();
    public native boolean[] toBoolList();
    public native long[] toLongList();
    public native double[] toDoubleList();
    public native Tensor[] toTensorList();
    public native IValue[] toList();
    public native IValue[] toTuple();
    public native Map<String, IValue> toDictStringKey();
    public native Map<Long, IValue> toDictLongKey();
}
