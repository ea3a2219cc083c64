package ptmobile;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.pytorch.IValue;
import org.pytorch.MemoryFormat;
import org.pytorch.Tensor;

/**
 * Reads values, as arguments for a model. One line per value, containers before what they hold:
 *
 * <pre>
 * none | bool 1 | long -5 | double 3ff8000000000000 | string =text
 * tensor float32 contiguous OFFSET BYTES DIMENSION...
 * tuple COUNT | list COUNT | dict string COUNT | dict long COUNT      in a dict, `key =text` or `key 5` before each
 * </pre>
 */
final class Values implements Closeable {
    private final FileChannel data;

    Values(Path path) throws IOException {
        data = FileChannel.open(path);
    }

    IValue read(Plan plan) throws IOException {
        String[] words = plan.take();
        switch (words[0]) {
            case "none":
                return IValue.optionalNull();
            case "bool":
                return IValue.from(words[1].equals("1"));
            case "long":
                return IValue.from(Long.parseLong(words[1]));
            case "double":
                return IValue.from(Double.longBitsToDouble(Long.parseUnsignedLong(words[1], 16)));
            case "string":
                return IValue.from(Wire.unescape(words[1]));
            case "tensor":
                return IValue.from(tensor(words));
            case "tuple":
                return IValue.tupleFrom(several(plan, Integer.parseInt(words[1])));
            case "list":
                return list(several(plan, Integer.parseInt(words[1])));
            case "dict":
                int count = Integer.parseInt(words[2]);
                return words[1].equals("string") ? stringDict(plan, count) : longDict(plan, count);
            default:
                throw new IOException("the plan has an unknown value: " + words[0]);
        }
    }

    private IValue[] several(Plan plan, int count) throws IOException {
        IValue[] values = new IValue[count];
        for (int i = 0; i < count; i++) {
            values[i] = read(plan);
        }
        return values;
    }

    private IValue stringDict(Plan plan, int count) throws IOException {
        Map<String, IValue> dict = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            String key = Wire.unescape(plan.take()[1]);
            dict.put(key, read(plan));
        }
        return IValue.dictStringKeyFrom(dict);
    }

    private IValue longDict(Plan plan, int count) throws IOException {
        Map<Long, IValue> dict = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            long key = Long.parseLong(plan.take()[1]);
            dict.put(key, read(plan));
        }
        return IValue.dictLongKeyFrom(dict);
    }

    /** A list as an app would make it: the API has a form of its own for lists of each of these types. */
    private static IValue list(IValue[] values) {
        IValue first = values.length == 0 ? IValue.optionalNull() : values[0];
        if (first.isTensor()) {
            Tensor[] tensors = new Tensor[values.length];
            for (int i = 0; i < tensors.length; i++) {
                tensors[i] = values[i].toTensor();
            }
            return IValue.listFrom(tensors);
        }
        if (first.isBool()) {
            boolean[] bools = new boolean[values.length];
            for (int i = 0; i < bools.length; i++) {
                bools[i] = values[i].toBool();
            }
            return IValue.listFrom(bools);
        }
        if (first.isLong()) {
            long[] longs = new long[values.length];
            for (int i = 0; i < longs.length; i++) {
                longs[i] = values[i].toLong();
            }
            return IValue.listFrom(longs);
        }
        if (first.isDouble()) {
            double[] doubles = new double[values.length];
            for (int i = 0; i < doubles.length; i++) {
                doubles[i] = values[i].toDouble();
            }
            return IValue.listFrom(doubles);
        }
        return IValue.listFrom(values);
    }

    private Tensor tensor(String[] words) throws IOException {
        long[] shape = new long[words.length - 5];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = Long.parseLong(words[5 + i]);
        }
        boolean last = words[2].equals("channels_last");
        ByteBuffer bytes = bytes(Long.parseLong(words[3]), Integer.parseInt(words[4]));
        if (last) {
            ByteBuffer permuted = direct(bytes.capacity());
            Layout.channelsLast(bytes, permuted, shape);
            bytes = permuted;
        }
        String name = !last ? "CONTIGUOUS" : shape.length == 5 ? "CHANNELS_LAST_3D" : "CHANNELS_LAST";
        MemoryFormat format = MemoryFormat.valueOf(name);
        switch (words[1]) {
            case "uint8":
                return Tensor.fromBlobUnsigned(bytes, shape, format);
            case "int8":
                return Tensor.fromBlob(bytes, shape, format);
            case "int32":
                return Tensor.fromBlob(bytes.asIntBuffer(), shape, format);
            case "int64":
                return Tensor.fromBlob(bytes.asLongBuffer(), shape, format);
            case "float32":
                return Tensor.fromBlob(bytes.asFloatBuffer(), shape, format);
            case "float64":
                return Tensor.fromBlob(bytes.asDoubleBuffer(), shape, format);
            default:
                throw new IllegalArgumentException("The Java API has no tensors of type " + words[1]);
        }
    }

    private ByteBuffer bytes(long offset, int size) throws IOException {
        ByteBuffer bytes = direct(size);
        while (bytes.hasRemaining()) {
            if (data.read(bytes, offset + bytes.position()) < 0) {
                throw new EOFException("the data file is too short");
            }
        }
        bytes.rewind();
        return bytes;
    }

    private static ByteBuffer direct(int size) {
        return ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
    }

    @Override
    public void close() throws IOException {
        data.close();
    }
}
