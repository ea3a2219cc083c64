package ptmobile;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.pytorch.IValue;

/**
 * Reads the plan, step by step.
 *
 * <pre>
 * ptmobile-device 1
 * library lite =pytorch_jni_lite
 * threads 1                         or 0: as many as the library chooses
 * file 0 =path
 * trial 0 =method =data-file 2      then 2 values, see Values
 * trial 1 ...
 * file 1 ...
 * end
 * </pre>
 */
final class Plan implements Closeable {
    private final BufferedReader lines;
    private String[] words;
    private final boolean lite;
    private final String library;
    private final int threads;
    private String file;
    private String path;
    private String trial;
    private String method;
    private String data;
    private int arguments;

    Plan(Path plan) throws IOException {
        lines = Files.newBufferedReader(plan, StandardCharsets.US_ASCII);
        if (!Wire.HEADER.equals(lines.readLine())) {
            throw new IOException("the plan is of another version");
        }
        advance();
        expect("library");
        lite = words[1].equals("lite");
        library = Wire.unescape(words[2]);
        advance();
        expect("threads");
        threads = Integer.parseInt(words[1]);
        advance();
    }

    /** Goes to the next file; false at the end. */
    boolean nextFile() throws IOException {
        if (words[0].equals("end")) {
            return false;
        }
        expect("file");
        file = words[1];
        path = Wire.unescape(words[2]);
        advance();
        return true;
    }

    /** Goes to the file's next trial; false if there is none. What a trial did not read of its values is passed over. */
    boolean nextTrial() throws IOException {
        while (!words[0].equals("trial")) {
            if (words[0].equals("file") || words[0].equals("end")) {
                return false;
            }
            advance();
        }
        trial = words[1];
        method = Wire.unescape(words[2]);
        data = Wire.unescape(words[3]);
        arguments = Integer.parseInt(words[4]);
        advance();
        return true;
    }

    /** The arguments of this trial, made anew. */
    IValue[] inputs() throws IOException {
        try (Values values = new Values(Path.of(data))) {
            IValue[] inputs = new IValue[arguments];
            for (int i = 0; i < arguments; i++) {
                inputs[i] = values.read(this);
            }
            return inputs;
        }
    }

    /** The words of this line; goes to the next. */
    String[] take() throws IOException {
        String[] taken = words;
        advance();
        return taken;
    }

    boolean lite() {
        return lite;
    }

    String library() {
        return library;
    }

    int threads() {
        return threads;
    }

    String file() {
        return file;
    }

    String path() {
        return path;
    }

    String trial() {
        return trial;
    }

    String method() {
        return method;
    }

    private void advance() throws IOException {
        String line = lines.readLine();
        if (line == null) {
            throw new IOException("the plan ends too early");
        }
        words = line.split(" ");
    }

    private void expect(String word) throws IOException {
        if (!words[0].equals(word)) {
            throw new IOException("the plan has " + words[0] + " where " + word + " was due");
        }
    }

    @Override
    public void close() throws IOException {
        lines.close();
    }
}
