package ptmobile;

import com.facebook.soloader.nativeloader.NativeLoader;
import com.facebook.soloader.nativeloader.SystemDelegate;
import java.io.IOException;
import java.nio.file.Path;
import org.pytorch.IValue;
import org.pytorch.LiteModuleLoader;
import org.pytorch.Module;
import org.pytorch.PyTorchAndroid;

/**
 * Runs model files through the Java API of an AAR, as an app does: a plan in, answers out.
 *
 * <p>Every file is loaded once and runs all its trials. What fails is written down with the exception's message, and the
 * next one begins. Each step is announced before it is taken: when the process dies, the last line says in which.
 */
public final class DeviceRunner {
    private static final int FINISHED = 0;
    private static final int UNUSABLE = 3;

    private final Plan plan;
    private final Answers answers;

    private DeviceRunner(Plan plan, Answers answers) {
        this.plan = plan;
        this.answers = answers;
    }

    /** Called by the launcher with the paths of the plan and of the folder for answers. */
    public static int run(String[] arguments) throws IOException {
        try (Plan plan = new Plan(Path.of(arguments[0]));
                Answers answers = new Answers(Path.of(arguments[1]))) {
            return new DeviceRunner(plan, answers).runAll();
        }
    }

    private int runAll() throws IOException {
        answers.line("java " + Wire.escape(System.getProperty("java.version")));
        try {
            NativeLoader.init(new SystemDelegate());
            NativeLoader.loadLibrary(plan.library());
            answers.line("ready " + setThreads());
            runFiles();
        } catch (LinkageError problem) {
            // The library or a class it needs is missing or does not fit: no model's fault.
            answers.failure("unusable", problem);
            return UNUSABLE;
        }
        answers.line("done");
        return FINISHED;
    }

    /** Sets the number of threads as an app can; 0 where it is left as it is, or cannot be set. */
    private int setThreads() {
        if (plan.threads() == 0) {
            return 0;
        }
        try {
            PyTorchAndroid.setNumThreads(plan.threads());
            return plan.threads();
        } catch (LinkageError problem) {
            // In one release of the full library this class asks for the lite one.
            return 0;
        }
    }

    private void runFiles() throws IOException {
        while (plan.nextFile()) {
            answers.line("file " + plan.file());
            Module module = load();
            while (plan.nextTrial()) {
                if (module != null) {
                    answers.line("trial " + plan.trial());
                    runTrial(module);
                }
            }
            if (module != null) {
                module.destroy();
            }
        }
    }

    private Module load() throws IOException {
        long start = System.nanoTime();
        try {
            String path = plan.path();
            Module module = plan.lite() ? LiteModuleLoader.load(path) : Module.load(path);
            answers.line("loaded " + (System.nanoTime() - start));
            return module;
        } catch (LinkageError problem) {
            throw problem;
        } catch (Throwable problem) {
            answers.failure("refused", problem);
            return null;
        }
    }

    private void runTrial(Module module) throws IOException {
        String step = "inputs";
        try {
            IValue[] inputs = plan.inputs();
            step = "run";
            long start = System.nanoTime();
            String method = plan.method();
            IValue output =
                    method.equals("forward") ? module.forward(inputs) : module.runMethod(method, inputs);
            answers.line("ran " + (System.nanoTime() - start));
            step = "outputs";
            answers.output(plan.file() + "-" + plan.trial() + ".bin", output);
        } catch (Throwable problem) {
            answers.failure("failed " + step, problem);
        }
    }
}
