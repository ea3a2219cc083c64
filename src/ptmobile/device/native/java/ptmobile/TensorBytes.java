package ptmobile;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;
import org.pytorch.Tensor;

/** A tensor's bytes in the order that the API gives them in, taken as an app takes them. */
final class TensorBytes {
    private TensorBytes() {}

    static String typeOf(Tensor tensor) {
        return tensor.dtype().name().toLowerCase(Locale.ROOT);
    }

    static ByteBuffer of(Tensor tensor) {
        switch (tensor.dtype().name()) {
            case "UINT8":
                return ByteBuffer.wrap(tensor.getDataAsUnsignedByteArray());
            case "INT8":
                return ByteBuffer.wrap(tensor.getDataAsByteArray());
            case "INT32": {
                int[] values = tensor.getDataAsIntArray();
                ByteBuffer bytes = allocate(values.length, 4);
                bytes.asIntBuffer().put(values);
                return bytes;
            }
            case "INT64": {
                long[] values = tensor.getDataAsLongArray();
                ByteBuffer bytes = allocate(values.length, 8);
                bytes.asLongBuffer().put(values);
                return bytes;
            }
            case "FLOAT32": {
                float[] values = tensor.getDataAsFloatArray();
                ByteBuffer bytes = allocate(values.length, 4);
                bytes.asFloatBuffer().put(values);
                return bytes;
            }
            case "FLOAT64": {
                double[] values = tensor.getDataAsDoubleArray();
                ByteBuffer bytes = allocate(values.length, 8);
                bytes.asDoubleBuffer().put(values);
                return bytes;
            }
            default:
                throw new IllegalArgumentException("a tensor of type " + tensor.dtype() + " is new to this runner");
        }
    }

    private static ByteBuffer allocate(int count, int width) {
        return ByteBuffer.allocate(Math.multiplyExact(count, width)).order(ByteOrder.nativeOrder());
    }
}
