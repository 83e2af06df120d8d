package peers;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;

/** The counts of one app in one window; callees in order, each once. Never changed once made: stores may keep it. */
record Counts(int calls, int answered, int brief, long[] callees) {
    static final Counts NONE = new Counts(0, 0, 0, new long[0]);

    /** As bytes in a store and in a topic. */
    static final Serde<Counts> SERDE = Serdes.serdeFrom(new Writer(), new Reader());

    Counts with(Call call) {
        return new Counts(
                calls + 1,
                answered + (call.answered() ? 1 : 0),
                brief + (call.brief() ? 1 : 0),
                union(callees, new long[] {call.calleeNumber()}));
    }

    Counts with(Counts other) {
        return new Counts(
                calls + other.calls,
                answered + other.answered,
                brief + other.brief,
                union(callees, other.callees));
    }

    int share() {
        return answered == 0 ? 0 : 1000 * brief / answered;
    }

    private static long[] union(long[] left, long[] right) {
        long[] merged = new long[left.length + right.length];
        int size = 0;
        for (int l = 0, r = 0; l < left.length || r < right.length; size++) {
            if (r == right.length || l < left.length && left[l] < right[r]) {
                merged[size] = left[l++];
            } else {
                if (l < left.length && left[l] == right[r]) {
                    l++;
                }
                merged[size] = right[r++];
            }
        }
        return size == merged.length ? merged : Arrays.copyOf(merged, size);
    }

    private static final class Writer implements Serializer<Counts> {
        @Override
        public byte[] serialize(String topic, Counts counts) {
            if (counts == null) {
                return null;
            }
            ByteBuffer bytes = ByteBuffer.allocate(12 + 8 * counts.callees.length);
            bytes.putInt(counts.calls).putInt(counts.answered).putInt(counts.brief);
            bytes.asLongBuffer().put(counts.callees);
            return bytes.array();
        }
    }

    private static final class Reader implements Deserializer<Counts> {
        @Override
        public Counts deserialize(String topic, byte[] data) {
            if (data == null) {
                return null;
            }
            ByteBuffer bytes = ByteBuffer.wrap(data);
            int calls = bytes.getInt();
            int answered = bytes.getInt();
            int brief = bytes.getInt();
            long[] callees = new long[bytes.remaining() / 8];
            bytes.asLongBuffer().get(callees);
            return new Counts(calls, answered, brief, callees);
        }
    }
}
