// What a JVM needs of threads, signals and memory.
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicLong;

public class Hello {
    static String none;

    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(6);
        AtomicLong sum = new AtomicLong();
        for (int i = 1; i <= 100; i++) {
            final int n = i;
            pool.submit(() -> sum.addAndGet(n));
        }
        pool.shutdown();
        pool.awaitTermination(60, TimeUnit.SECONDS);
        int caught = 0;
        for (int i = 0; i < 10000; i++)
            try {
                none.length(); // an implicit null check: SIGSEGV, once it is compiled
            } catch (NullPointerException e) {
                caught++;
            }
        System.gc();
        Thread[] virtual = new Thread[50];
        for (int i = 0; i < virtual.length; i++)
            virtual[i] = Thread.startVirtualThread(sum::incrementAndGet);
        for (Thread t : virtual)
            t.join();
        System.out.println("sum " + sum + ", caught " + caught);
    }
}
