package peers;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;
import org.apache.kafka.streams.state.WindowStore;

/**
 * The features by Kafka Streams: a topic of calls, counted by the minute, minutes taken in by hopping windows, each emitted when
 * it closes. Prints the digest that README.md defines once the marks behind the calls have come through; measures nothing.
 * Features BROKERS TOPIC PARTITIONS THREADS STATE_FOLDER
 */
public final class Features {
    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Duration LATENESS = Duration.ofMinutes(5);
    /** A store forgets windows by its own clock before they are emitted, unless it keeps them a while longer. */
    private static final Duration SPARE = Duration.ofMinutes(30);
    /** Apps of marks begin so, and that of the last one otherwise: see Load. */
    static final String MARK = "mark-";
    static final String LAST_MARK = "last-mark-";
    private static final ObjectReader CALLS = new ObjectMapper().readerFor(Call.class);

    private Features() {}

    public static void main(String[] arguments) throws Exception {
        String topic = arguments[1];
        int partitions = Integer.parseInt(arguments[2]);
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, Counts> minutes = minutes(builder, topic);
        // Each window length sees the last mark of each partition.
        Marks marks = new Marks(2 * partitions);
        List<Digest> digests = List.of(digest(minutes, 5, marks), digest(minutes, 60, marks));

        KafkaStreams streams = new KafkaStreams(builder.build(), settings(arguments));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return null;
        });
        streams.start();
        marks.await();
        // What the last mark has set off is done before the threads end.
        streams.close();
        digests.forEach(digest -> System.out.println(digest.line()));
    }

    /** What each app did in each minute, when the minute is over. */
    private static KStream<String, Counts> minutes(StreamsBuilder builder, String topic) {
        return builder.stream(
                        topic,
                        Consumed.with(Serdes.String(), calls())
                                .withTimestampExtractor((record, newest) -> ((Call) record.value()).end()))
                .filter((app, call) -> call.outbound())
                .groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(MINUTE, LATENESS))
                .emitStrategy(EmitStrategy.onWindowClose())
                .aggregate(() -> Counts.NONE, (app, call, counts) -> counts.with(call), stored("minutes", MINUTE))
                .toStream()
                .map((windowed, counts) -> KeyValue.pair(windowed.key(), counts));
    }

    private static Digest digest(KStream<String, Counts> minutes, int length, Marks marks) {
        Digest digest = new Digest(length);
        Duration size = Duration.ofMinutes(length);
        minutes.groupByKey(Grouped.with("minutes-" + length, Serdes.String(), Counts.SERDE))
                .windowedBy(TimeWindows.ofSizeAndGrace(size, LATENESS).advanceBy(MINUTE))
                .emitStrategy(EmitStrategy.onWindowClose())
                .aggregate(() -> Counts.NONE, (app, minute, counts) -> counts.with(minute), stored("windows-" + length, size))
                .toStream()
                .foreach((windowed, counts) -> {
                    String app = windowed.key();
                    if (app.startsWith(LAST_MARK)) {
                        marks.seen(length + app);
                    } else if (!app.startsWith(MARK)) {
                        digest.row(app, windowed.window().end(), counts);
                    }
                });
        return digest;
    }

    /** In memory and without a changelog: no engine here makes its state durable. */
    private static Materialized<String, Counts, WindowStore<Bytes, byte[]>> stored(String name, Duration size) {
        return Materialized.<String, Counts, WindowStore<Bytes, byte[]>>as(name)
                .withStoreType(new BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers())
                .withRetention(size.plus(LATENESS).plus(SPARE))
                .withKeySerde(Serdes.String())
                .withValueSerde(Counts.SERDE)
                .withCachingDisabled()
                .withLoggingDisabled();
    }

    private static Properties settings(String[] arguments) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "features-" + ProcessHandle.current().pid());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, arguments[3]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
        settings.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.consumerPrefix("max.poll.records"), "10000");
        settings.put(StreamsConfig.producerPrefix("linger.ms"), "100");
        // Windows are emitted whenever one has closed, not at most once a second: the last ones then need no waiting.
        settings.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, 0L);
        return settings;
    }

    static Call decode(byte[] bytes) {
        try {
            return CALLS.readValue(bytes);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static Serde<Call> calls() {
        return Serdes.serdeFrom(
                (topic, call) -> {
                    throw new UnsupportedOperationException("calls are only read");
                },
                (topic, bytes) -> decode(bytes));
    }

    /** Waits until as many last marks have come through as there are. */
    private static final class Marks {
        private final Set<String> seen = ConcurrentHashMap.newKeySet();
        private final CountDownLatch open = new CountDownLatch(1);
        private final int count;

        Marks(int count) {
            this.count = count;
        }

        void seen(String mark) {
            if (seen.add(mark) && seen.size() == count) {
                open.countDown();
            }
        }

        void await() throws InterruptedException {
            open.await();
        }
    }
}
