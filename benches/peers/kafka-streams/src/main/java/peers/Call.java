package peers;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/** What is read of a call; everything else of its record is skipped. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Call(String app_id, String direction, String callee, Long answer, long end, String outcome) {
    private static final long SHORT_MS = 10_000;

    boolean outbound() {
        return "outbound".equals(direction);
    }

    boolean answered() {
        return "answered".equals(outcome);
    }

    /** An answered call that talked shorter than ten seconds. */
    boolean brief() {
        return answered() && answer != null && end - answer < SHORT_MS;
    }

    /** The callee as a number: eight bytes where text would be fourteen and its hash. */
    long calleeNumber() {
        return Long.parseLong(callee, 1, callee.length(), 10);
    }
}
