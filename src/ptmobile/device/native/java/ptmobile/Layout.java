package ptmobile;

import java.nio.ByteBuffer;

/** Moves a tensor's elements between logical (row-major) order and the order in memory of channels-last. */
final class Layout {
    private Layout() {}

    /** From row-major [n, c, ...] to memory [n, ..., c]. */
    static void channelsLast(ByteBuffer logical, ByteBuffer memory, long[] shape) {
        permute(logical, memory, shape, true);
    }

    /** From memory [n, ..., c] to row-major [n, c, ...]. */
    static void rowMajor(ByteBuffer memory, ByteBuffer logical, long[] shape) {
        permute(memory, logical, shape, false);
    }

    private static void permute(ByteBuffer from, ByteBuffer to, long[] shape, boolean toLast) {
        int count = count(shape, 0);
        if (count == 0) {
            return;
        }
        int width = from.capacity() / count;
        int channels = (int) shape[1];
        int area = count(shape, 2);
        int index = 0;
        for (long n = 0; n < shape[0]; n++) {
            int start = (int) n * channels * area;
            for (int c = 0; c < channels; c++) {
                for (int p = 0; p < area; p++, index++) {
                    int last = start + p * channels + c;
                    copy(from, toLast ? index : last, to, toLast ? last : index, width);
                }
            }
        }
    }

    private static int count(long[] shape, int first) {
        long count = 1;
        for (int i = first; i < shape.length; i++) {
            count *= shape[i];
        }
        return Math.toIntExact(count);
    }

    private static void copy(ByteBuffer from, int source, ByteBuffer to, int target, int width) {
        switch (width) {
            case 1:
                to.put(target, from.get(source));
                break;
            case 4:
                to.putInt(4 * target, from.getInt(4 * source));
                break;
            default:
                to.putLong(8 * target, from.getLong(8 * source));
                break;
        }
    }
}
