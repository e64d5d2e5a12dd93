import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.TimeUnit;

/** java.net.http. Its default in cleartext is to offer HTTP/2 with every first request (protocol "upgrade"). */
class Jdk extends Exchange {
    private final HttpClient client;

    Jdk(Job job, Report report) throws Exception {
        super(job, report);
        HttpClient.Builder builder = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(PATIENCE)).sslContext(job.trusted());
        builder.version(job.protocol.endsWith("/1.1") ? HttpClient.Version.HTTP_1_1 : HttpClient.Version.HTTP_2);
        client = builder.build();
    }

    @Override
    void run() throws Exception {
        if (job.is("socket")) {
            socket();
            return;
        }
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(job.url())).timeout(Duration.ofSeconds(PATIENCE));
        if (!job.is("empty", "events")) {
            request.POST(content()).expectContinue(job.is("expect"));
        }
        HttpResponse<InputStream> answer = client.send(request.build(), BodyHandlers.ofInputStream());
        report.status = answer.statusCode();
        report.version = answer.version() == HttpClient.Version.HTTP_2 ? "2" : "1";
        report.seen = answer.headers().firstValue("x-seen").orElse("");
        report.seenTrailer = answer.headers().firstValue("x-seen-trailer").orElse("");
        try (InputStream body = answer.body()) {
            report.received = digest(job.is("events") ? events(body) : body.readAllBytes());
        }
    }

    private BodyPublisher content() throws Exception {
        if (job.is("upload")) {
            SubmissionPublisher<ByteBuffer> publisher = new SubmissionPublisher<>();
            CompletableFuture.runAsync(() -> publish(publisher));
            return BodyPublishers.fromPublisher(publisher);
        }
        byte[] body = job.content();
        if (job.is("chunked", "trailers")) {
            return BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body));
        }
        return BodyPublishers.ofByteArray(body);
    }

    private void publish(SubmissionPublisher<ByteBuffer> publisher) {
        try {
            while (publisher.getNumberOfSubscribers() == 0) {
                Thread.sleep(5); // the library subscribes when it is connected
            }
            InputStream pieces = pieces();
            byte[] part = new byte[100];
            for (int length; (length = pieces.read(part)) > 0; ) {
                publisher.submit(ByteBuffer.wrap(part.clone(), 0, length));
            }
            publisher.close();
        } catch (Exception e) {
            publisher.closeExceptionally(e);
        }
    }

    @Override
    void ask(String question, int piece) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(job.ask(question, piece))).timeout(Duration.ofSeconds(PATIENCE)).build();
        int status = client.send(request, BodyHandlers.discarding()).statusCode();
        if (status != 200) {
            throw new IllegalStateException(question + " of piece " + piece + ": " + status);
        }
    }

    private void socket() throws Exception {
        Messages messages = new Messages();
        WebSocket connection;
        try {
            connection = client.newWebSocketBuilder().buildAsync(URI.create(job.url().replaceFirst("http", "ws")), messages).join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof WebSocketHandshakeException refused) {
                report.status = refused.getResponse().statusCode();
                return;
            }
            throw e;
        }
        report.status = 101;
        report.version = "1";
        expect("welcome", messages.next());
        connection.sendText("hello", true).join();
        expect("hello", messages.next());
        connection.sendBinary(ByteBuffer.wrap(job.content()), true).join();
        report.received = digest(messages.next());
        report.seen = new String(messages.next(), StandardCharsets.UTF_8);
        connection.sendClose(WebSocket.NORMAL_CLOSURE, "").join();
    }

    private static void expect(String want, byte[] got) {
        if (!want.equals(new String(got, StandardCharsets.UTF_8))) {
            throw new IllegalStateException("got " + new String(got, StandardCharsets.UTF_8));
        }
    }

    /** Whole messages, of text or binary. */
    private static class Messages implements WebSocket.Listener {
        private final LinkedBlockingQueue<byte[]> whole = new LinkedBlockingQueue<>();
        private final ByteArrayOutputStream part = new ByteArrayOutputStream();

        byte[] next() throws Exception {
            byte[] message = whole.poll(PATIENCE, TimeUnit.SECONDS);
            if (message == null) {
                throw new IllegalStateException("no message");
            }
            return message;
        }

        @Override
        public CompletionStage<?> onText(WebSocket connection, CharSequence data, boolean last) {
            return take(connection, data.toString().getBytes(StandardCharsets.UTF_8), last);
        }

        @Override
        public CompletionStage<?> onBinary(WebSocket connection, ByteBuffer data, boolean last) {
            byte[] bytes = new byte[data.remaining()];
            data.get(bytes);
            return take(connection, bytes, last);
        }

        private CompletionStage<?> take(WebSocket connection, byte[] bytes, boolean last) {
            part.writeBytes(bytes);
            if (last) {
                whole.add(part.toByteArray());
                part.reset();
            }
            connection.request(1);
            return null;
        }
    }

    public static void main(String[] args) throws Exception {
        carryOut(Jdk::new);
    }
}
