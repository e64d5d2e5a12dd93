import com.google.gson.Gson;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** What all clients have in common: jobs in, reports out, one line of JSON each (job.go and report.go). */
abstract class Exchange {
    static final int PATIENCE = 10;

    /** A cell of the matrix, with the fields of job.go. */
    static class Job {
        int id;
        String exchange;
        String protocol;
        String base;
        String body;
        List<String> pieces;
        String trailer;
        String authority;

        String url() {
            return base + "/" + exchange + "?id=" + id;
        }

        /** The URL of a question about a piece. */
        String ask(String question, int piece) {
            return base + "/" + question + "?id=" + id + "&piece=" + piece;
        }

        boolean is(String... names) {
            return List.of(names).contains(exchange);
        }

        boolean http2() {
            return protocol.endsWith("/2");
        }

        byte[] content() throws Exception {
            return Files.readAllBytes(Path.of(body));
        }

        SSLContext trusted() throws Exception {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            try (InputStream text = Files.newInputStream(Path.of(authority))) {
                store.setCertificateEntry("gateway", CertificateFactory.getInstance("X.509").generateCertificate(text));
            }
            TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            managers.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, managers.getTrustManagers(), null);
            return context;
        }
    }

    /** What the client saw, with the fields of report.go. */
    static class Report {
        int id;
        int status;
        String version = "";
        String seen = "";
        String received = "";
        String trailer = "";
        String seenTrailer = "";
        int pieces;
        String error = "";
    }

    final Job job;
    final Report report;

    Exchange(Job job, Report report) {
        this.job = job;
        this.report = report;
    }

    abstract void run() throws Exception;

    /** Tells the backend about a piece, or waits until it got one. */
    abstract void ask(String question, int piece) throws Exception;

    /** Reads server-sent events and acknowledges each. */
    byte[] events(InputStream stream) throws Exception {
        StringBuilder got = new StringBuilder();
        BufferedReader lines = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            if (line.startsWith("data: ") && !line.equals("data: [DONE]")) {
                got.append(new Gson().fromJson(line.substring(6), String.class));
                report.pieces++;
                ask("acknowledge", report.pieces);
            }
        }
        return got.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** A body whose pieces are sent one after the backend got the one before. */
    InputStream pieces() {
        return new InputStream() {
            private int next;
            private ByteArrayInputStream piece = new ByteArrayInputStream(new byte[0]);

            @Override
            public int read() {
                throw new UnsupportedOperationException("one byte");
            }

            @Override
            public int read(byte[] into, int offset, int length) {
                if (piece.available() == 0) {
                    try {
                        if (next > 0) {
                            ask("arrived", next);
                            report.pieces = next;
                        }
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                    if (next == job.pieces.size()) {
                        return -1;
                    }
                    piece = new ByteArrayInputStream(job.pieces.get(next++).getBytes(StandardCharsets.UTF_8));
                }
                return piece.read(into, offset, length);
            }
        };
    }

    static String digest(byte[] data) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data));
    }

    interface Maker {
        Exchange make(Job job, Report report) throws Exception;
    }

    /** Carries out all jobs of standard input. */
    static void carryOut(Maker maker) throws Exception {
        Gson json = new Gson();
        ExecutorService threads = Executors.newCachedThreadPool();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            Job job = json.fromJson(line, Job.class);
            Report report = new Report();
            report.id = job.id;
            try {
                threads.submit(() -> {
                    maker.make(job, report).run();
                    return null;
                }).get(PATIENCE, TimeUnit.SECONDS);
            } catch (Exception e) {
                report.error = String.valueOf(e.getCause() == null ? e : e.getCause());
            }
            System.out.println(json.toJson(report));
        }
        System.exit(0);
    }
}
