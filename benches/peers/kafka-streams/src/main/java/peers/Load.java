package peers;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Utils;

/**
 * Puts a file of calls into a new topic, keyed by app, and lets time go on behind them, by a mark a minute in each partition,
 * until every window has closed. Is not measured. Load BROKERS TOPIC PARTITIONS FILE
 */
public final class Load {
    private static final long MINUTE_MS = 60_000;
    /** Every window of a call, minutes and lateness included, has closed by then. */
    private static final int LAST_MINUTE = 80;
    /** By then so have windows of the last mark. */
    private static final int END_MINUTE = 110;

    private Load() {}

    public static void main(String[] arguments) throws Exception {
        String topic = arguments[1];
        int partitions = Integer.parseInt(arguments[2]);
        Properties settings = new Properties();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("linger.ms", "50");
        settings.put("batch.size", "262144");
        try (Admin admin = Admin.create(settings)) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
        }
        StringSerializer text = new StringSerializer();
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, text, text)) {
            long newest = 0;
            try (Stream<String> lines = Files.lines(Path.of(arguments[3]))) {
                for (String line : (Iterable<String>) lines::iterator) {
                    Call call = Features.decode(line.getBytes(StandardCharsets.UTF_8));
                    newest = Math.max(newest, call.end());
                    producer.send(new ProducerRecord<>(topic, call.app_id(), line));
                }
            }
            for (int minute = 1; minute <= END_MINUTE; minute++) {
                for (int partition = 0; partition < partitions; partition++) {
                    String app = mark(minute == LAST_MINUTE ? Features.LAST_MARK : Features.MARK, partition, partitions);
                    String line = "{\"app_id\":\"" + app + "\",\"direction\":\"outbound\",\"callee\":\"+0\",\"end\":"
                            + (newest + minute * MINUTE_MS) + ",\"outcome\":\"other\"}";
                    producer.send(new ProducerRecord<>(topic, app, line));
                }
            }
        }
    }

    /** The first app of a mark that Kafka puts into a partition. */
    private static String mark(String kind, int partition, int partitions) {
        for (int number = 0; ; number++) {
            String app = kind + number;
            if (Utils.toPositive(Utils.murmur2(app.getBytes(StandardCharsets.UTF_8))) % partitions == partition) {
                return app;
            }
        }
    }
}
