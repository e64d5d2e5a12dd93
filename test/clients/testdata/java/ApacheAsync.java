import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.hc.client5.http.impl.async.CloseableHttpAsyncClient;
import org.apache.hc.client5.http.impl.async.HttpAsyncClients;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.core5.concurrent.FutureCallback;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.EntityDetails;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpResponse;
import org.apache.hc.core5.http.nio.AsyncResponseConsumer;
import org.apache.hc.core5.http.nio.CapacityChannel;
import org.apache.hc.core5.http.nio.entity.AsyncEntityProducers;
import org.apache.hc.core5.http.nio.support.AsyncRequestBuilder;
import org.apache.hc.core5.http.protocol.HttpContext;

/** The client of Apache HttpClient 5 for HTTP/2, by prior knowledge or by ALPN. */
class ApacheAsync extends Exchange {
    private final CloseableHttpAsyncClient client;

    ApacheAsync(Job job, Report report) throws Exception {
        super(job, report);
        client = HttpAsyncClients.customHttp2()
                .setTlsStrategy(new DefaultClientTlsStrategy(job.trusted()))
                .disableAutomaticRetries()
                .build();
    }

    @Override
    void run() throws Exception {
        try (client) {
            client.start();
            AsyncRequestBuilder request = AsyncRequestBuilder.get(job.url());
            if (!job.is("empty", "events")) {
                request = AsyncRequestBuilder.post(job.url())
                        .setEntity(AsyncEntityProducers.create(job.content(), ContentType.APPLICATION_OCTET_STREAM));
            }
            Answer answer = new Answer();
            client.execute(request.build(), answer, null);
            HttpResponse head = answer.head.get(PATIENCE, TimeUnit.SECONDS);
            report.status = head.getCode();
            report.version = head.getVersion() == null ? "" : String.valueOf(head.getVersion().getMajor());
            report.seen = value(head.getFirstHeader("x-seen"));
            report.seenTrailer = value(head.getFirstHeader("x-seen-trailer"));
            report.received = digest(job.is("events") ? events(answer.body) : answer.body.readAllBytes());
            for (Header trailer : answer.trailers.get(PATIENCE, TimeUnit.SECONDS)) {
                if (trailer.getName().equalsIgnoreCase("x-sum")) {
                    report.trailer = trailer.getValue();
                }
            }
        }
    }

    private static String value(Header header) {
        return header == null ? "" : header.getValue();
    }

    @Override
    void ask(String question, int piece) throws Exception {
        Answer answer = new Answer();
        client.execute(AsyncRequestBuilder.get(job.ask(question, piece)).build(), answer, null);
        int status = answer.head.get(PATIENCE, TimeUnit.SECONDS).getCode();
        if (status != 200) {
            throw new IllegalStateException(question + " of piece " + piece + ": " + status);
        }
    }

    /** Hands over head, body and trailers as they come. */
    private static class Answer implements AsyncResponseConsumer<Void> {
        final CompletableFuture<HttpResponse> head = new CompletableFuture<>();
        final CompletableFuture<List<? extends Header>> trailers = new CompletableFuture<>();
        final PipedInputStream body = new PipedInputStream(8 << 20);
        private final PipedOutputStream arriving;
        private FutureCallback<Void> callback;

        Answer() throws Exception {
            arriving = new PipedOutputStream(body);
        }

        @Override
        public void consumeResponse(HttpResponse response, EntityDetails details, HttpContext context, FutureCallback<Void> callback)
                throws java.io.IOException {
            this.callback = callback;
            if (details == null) {
                streamEnd(List.of());
            }
            head.complete(response);
        }

        @Override
        public void informationResponse(HttpResponse response, HttpContext context) {
        }

        @Override
        public void updateCapacity(CapacityChannel channel) throws java.io.IOException {
            channel.update(Integer.MAX_VALUE);
        }

        @Override
        public void consume(ByteBuffer data) throws java.io.IOException {
            byte[] bytes = new byte[data.remaining()];
            data.get(bytes);
            arriving.write(bytes);
            arriving.flush();
        }

        @Override
        public void streamEnd(List<? extends Header> ending) throws java.io.IOException {
            arriving.close();
            trailers.complete(ending == null ? List.of() : ending);
            callback.completed(null);
        }

        @Override
        public void failed(Exception cause) {
            head.completeExceptionally(cause);
            trailers.completeExceptionally(cause);
            releaseResources();
        }

        @Override
        public void releaseResources() {
            try {
                arriving.close();
            } catch (java.io.IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        carryOut(ApacheAsync::new);
    }
}
