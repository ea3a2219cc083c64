package ptmobile;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * What plan and answers have in common: lines of words between single spaces; text as `=` and its UTF-8 bytes, all but
 * the plainest of them as `%` and two hexadecimal digits.
 */
final class Wire {
    static final String HEADER = "ptmobile-device 1";

    /** Tensors' bytes begin at multiples of this in a data file. */
    static final int ALIGNMENT = 64;

    private static final String PLAIN = "-./_:,()[]";

    private Wire() {}

    static String escape(String text) {
        StringBuilder escaped = new StringBuilder("=");
        for (byte unit : text.getBytes(StandardCharsets.UTF_8)) {
            char character = (char) (unit & 0xff);
            if (character < 0x80 && (Character.isLetterOrDigit(character) || PLAIN.indexOf(character) >= 0)) {
                escaped.append(character);
            } else {
                escaped.append('%').append(Character.forDigit(character >> 4, 16));
                escaped.append(Character.forDigit(character & 15, 16));
            }
        }
        return escaped.toString();
    }

    static String unescape(String word) {
        if (!word.startsWith("=")) {
            throw new IllegalArgumentException("no text: " + word);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 1; i < word.length(); i++) {
            if (word.charAt(i) == '%') {
                bytes.write(Integer.parseInt(word.substring(i + 1, i + 3), 16));
                i += 2;
            } else {
                bytes.write(word.charAt(i));
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
