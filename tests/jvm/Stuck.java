import java.util.ArrayList;
import java.util.List;

/** A program that holds memory and has threads with names to find. */
public class Stuck {
    static final List<byte[]> HELD = new ArrayList<>();
    static final String MARK = "fettle-heap-mark-1f3a";

    public static void main(String[] args) throws Exception {
        int mib = args.length > 0 ? Integer.parseInt(args[0]) : 12;
        for (int i = 0; i < mib; i++) {
            byte[] block = new byte[1024 * 1024];
            new java.util.Random(i).nextBytes(block);
            HELD.add(block);
        }
        Thread waiting = new Thread(() -> {
            synchronized (HELD) {
                try {
                    HELD.wait();
                } catch (InterruptedException e) {
                    return;
                }
            }
        }, "fettle-waits-for-nothing");
        waiting.start();
        System.out.println("up");
        Thread.sleep(3600_000);
    }
}
