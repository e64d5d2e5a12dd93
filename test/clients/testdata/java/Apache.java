import java.io.ByteArrayInputStream;
import java.io.InputStream;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.io.entity.ByteArrayEntity;
import org.apache.hc.core5.http.io.entity.HttpEntities;
import org.apache.hc.core5.http.io.entity.InputStreamEntity;
import org.apache.hc.core5.http.io.support.ClassicRequestBuilder;
import org.apache.hc.core5.http.message.BasicHeader;
import org.apache.hc.core5.util.Timeout;

/** Apache HttpClient 5, which offers TLS in an Upgrade header with every request in cleartext. */
class Apache extends Exchange {
    private final CloseableHttpClient client;

    Apache(Job job, Report report) throws Exception {
        super(job, report);
        Timeout patience = Timeout.ofSeconds(PATIENCE);
        RequestConfig limits = RequestConfig.custom().setResponseTimeout(patience).setExpectContinueEnabled(job.is("expect")).build();
        client = HttpClients.custom()
                .setConnectionManager(PoolingHttpClientConnectionManagerBuilder.create()
                        .setTlsSocketStrategy(new DefaultClientTlsStrategy(job.trusted()))
                        .setDefaultConnectionConfig(
                                ConnectionConfig.custom().setConnectTimeout(patience).setSocketTimeout(patience).build())
                        .build())
                .setDefaultRequestConfig(limits)
                .disableAutomaticRetries()
                .build();
    }

    @Override
    void run() throws Exception {
        try (client) {
            ClassicRequestBuilder request = job.is("empty", "events")
                    ? ClassicRequestBuilder.get(job.url())
                    : ClassicRequestBuilder.post(job.url()).setEntity(content());
            client.execute(request.build(), answer -> {
                take(answer);
                return null;
            });
        }
    }

    private void take(ClassicHttpResponse answer) {
        report.status = answer.getCode();
        report.version = answer.getVersion() == null ? "" : String.valueOf(answer.getVersion().getMajor());
        report.seen = value(answer.getFirstHeader("x-seen"));
        report.seenTrailer = value(answer.getFirstHeader("x-seen-trailer"));
        try (InputStream body = answer.getEntity().getContent()) {
            report.received = digest(job.is("events") ? events(body) : body.readAllBytes());
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private HttpEntity content() throws Exception {
        ContentType type = ContentType.APPLICATION_OCTET_STREAM;
        if (job.is("upload")) {
            return HttpEntities.create(out -> {
                byte[] part = new byte[100];
                InputStream in = pieces();
                for (int length; (length = in.read(part, 0, part.length)) > 0; ) {
                    out.write(part, 0, length);
                    out.flush();
                }
            }, type);
        }
        byte[] body = job.content();
        if (job.is("trailers")) {
            Header[] trailers = {new BasicHeader("x-sent", job.trailer)};
            return HttpEntities.create(body, type, trailers);
        }
        return job.is("chunked") ? new InputStreamEntity(new ByteArrayInputStream(body), type) : new ByteArrayEntity(body, type);
    }

    private static String value(Header header) {
        return header == null ? "" : header.getValue();
    }

    @Override
    void ask(String question, int piece) throws Exception {
        ClassicHttpRequest request = ClassicRequestBuilder.get(job.ask(question, piece)).build();
        int status = client.execute(request, answer -> {
            answer.getEntity().getContent().readAllBytes();
            return answer.getCode();
        });
        if (status != 200) {
            throw new IllegalStateException(question + " of piece " + piece + ": " + status);
        }
    }

    public static void main(String[] args) throws Exception {
        carryOut(Apache::new);
    }
}
