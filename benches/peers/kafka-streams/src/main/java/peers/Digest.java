package peers;

/** Sums over all rows of a window length; filled by several threads. */
final class Digest {
    private static final long MINUTE_MS = 60_000;

    private final int minutes;
    private final long[] sums = new long[7];

    Digest(int minutes) {
        this.minutes = minutes;
    }

    synchronized void row(String app, long endMs, Counts counts) {
        long place = (Long.parseLong(app) * 1009 + endMs / MINUTE_MS) % 1_000_003;
        long[] columns = {counts.calls(), counts.answered(), counts.callees().length, counts.brief(), counts.share()};
        sums[0]++;
        for (int column = 0; column < columns.length; column++) {
            sums[1 + column] += columns[column];
        }
        sums[6] += place * (columns[0] + 31 * columns[1] + 37 * columns[2] + 41 * columns[3] + 43 * columns[4]);
    }

    synchronized String line() {
        StringBuilder line = new StringBuilder().append(minutes);
        for (long sum : sums) {
            line.append(' ').append(sum);
        }
        return line.toString();
    }
}
