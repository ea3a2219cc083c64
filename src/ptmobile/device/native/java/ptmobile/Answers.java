package ptmobile;

import java.io.Closeable;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.pytorch.IValue;
import org.pytorch.Tensor;

/**
 * Writes what happened, each line at once, so that it is there if the process dies in the next step.
 *
 * <pre>
 * ptmobile-device 1
 * java =17.0.15
 * ready THREADS                            or: unusable =class =message
 * file 0
 * loaded NANOSECONDS                       or: refused =class =message
 * trial 0
 * ran NANOSECONDS                          or: failed inputs|run =class =message
 * output =data-file                        then one value as in Values; or: failed outputs =class =message
 * done
 * </pre>
 */
final class Answers implements Closeable {
    private static final int MAX_MESSAGE = 200_000;
    private static final int MAX_PARTS = 100_000;

    private final Path folder;
    private final FileOutputStream stream;
    private int parts;

    Answers(Path folder) throws IOException {
        this.folder = folder;
        stream = new FileOutputStream(folder.resolve("answers.txt").toFile());
        line(Wire.HEADER);
    }

    void line(String line) throws IOException {
        stream.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    void failure(String what, Throwable problem) throws IOException {
        String message = String.valueOf(problem.getMessage());
        if (message.length() > MAX_MESSAGE) {
            message = message.substring(0, MAX_MESSAGE);
        }
        line(what + " " + Wire.escape(problem.getClass().getName()) + " " + Wire.escape(message));
    }

    void output(String name, IValue value) throws IOException {
        StringBuilder lines = new StringBuilder("output " + Wire.escape(name) + "\n");
        parts = 0;
        Path path = folder.resolve(name);
        try (FileChannel data =
                FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            write(value, lines, data);
        } catch (Throwable problem) {
            Files.deleteIfExists(path);
            throw problem;
        }
        stream.write(lines.toString().getBytes(StandardCharsets.US_ASCII));
    }

    private void write(IValue value, StringBuilder lines, FileChannel data) throws IOException {
        if (++parts > MAX_PARTS) {
            throw new IllegalStateException("The output has more than " + MAX_PARTS + " parts");
        }
        if (value.isNull()) {
            lines.append("none\n");
        } else if (value.isTensor()) {
            write(value.toTensor(), lines, data);
        } else if (value.isBool()) {
            lines.append(value.toBool() ? "bool 1\n" : "bool 0\n");
        } else if (value.isLong()) {
            lines.append("long ").append(value.toLong()).append('\n');
        } else if (value.isDouble()) {
            String bits = Long.toHexString(Double.doubleToRawLongBits(value.toDouble()));
            lines.append("double ").append(bits).append('\n');
        } else if (value.isString()) {
            lines.append("string ").append(Wire.escape(value.toStr())).append('\n');
        } else if (value.isTuple()) {
            write("tuple", value.toTuple(), lines, data);
        } else if (value.isDictStringKey()) {
            Map<String, IValue> dict = value.toDictStringKey();
            lines.append("dict string ").append(dict.size()).append('\n');
            for (Map.Entry<String, IValue> entry : dict.entrySet()) {
                lines.append("key ").append(Wire.escape(entry.getKey())).append('\n');
                write(entry.getValue(), lines, data);
            }
        } else if (value.isDictLongKey()) {
            Map<Long, IValue> dict = value.toDictLongKey();
            lines.append("dict long ").append(dict.size()).append('\n');
            for (Map.Entry<Long, IValue> entry : dict.entrySet()) {
                lines.append("key ").append(entry.getKey()).append('\n');
                write(entry.getValue(), lines, data);
            }
        } else {
            write("list", elements(value), lines, data);
        }
    }

    private void write(String kind, IValue[] values, StringBuilder lines, FileChannel data) throws IOException {
        lines.append(kind).append(' ').append(values.length).append('\n');
        for (IValue value : values) {
            write(value, lines, data);
        }
    }

    /** The elements of a list of whatever kind. */
    private static IValue[] elements(IValue value) {
        if (value.isList()) {
            return value.toList();
        }
        if (value.isTensorList()) {
            Tensor[] tensors = value.toTensorList();
            IValue[] values = new IValue[tensors.length];
            for (int i = 0; i < values.length; i++) {
                values[i] = IValue.from(tensors[i]);
            }
            return values;
        }
        if (value.isBoolList()) {
            boolean[] bools = value.toBoolList();
            IValue[] values = new IValue[bools.length];
            for (int i = 0; i < values.length; i++) {
                values[i] = IValue.from(bools[i]);
            }
            return values;
        }
        if (value.isLongList()) {
            long[] longs = value.toLongList();
            IValue[] values = new IValue[longs.length];
            for (int i = 0; i < values.length; i++) {
                values[i] = IValue.from(longs[i]);
            }
            return values;
        }
        double[] doubles = value.toDoubleList();
        IValue[] values = new IValue[doubles.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = IValue.from(doubles[i]);
        }
        return values;
    }

    private void write(Tensor tensor, StringBuilder lines, FileChannel data) throws IOException {
        long[] shape = tensor.shape();
        String format = tensor.memoryFormat().name().toLowerCase(java.util.Locale.ROOT);
        ByteBuffer bytes = TensorBytes.of(tensor);
        if (!format.equals("contiguous")) {
            ByteBuffer logical = ByteBuffer.allocate(bytes.capacity()).order(bytes.order());
            Layout.rowMajor(bytes, logical, shape);
            bytes = logical;
        }
        long offset = (data.position() + Wire.ALIGNMENT - 1) / Wire.ALIGNMENT * Wire.ALIGNMENT;
        data.position(offset);
        lines.append("tensor ").append(TensorBytes.typeOf(tensor)).append(' ').append(format);
        lines.append(' ').append(offset).append(' ').append(bytes.capacity());
        for (long dimension : shape) {
            lines.append(' ').append(dimension);
        }
        lines.append('\n');
        while (bytes.hasRemaining()) {
            data.write(bytes);
        }
    }

    @Override
    public void close() throws IOException {
        stream.close();
    }
}
