package authz

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// TestOAuth2Proxy: a browser is sent to the login of an OpenID provider, comes back with a session, and the backend knows whose it is.
func TestOAuth2Proxy(t *testing.T) {
	provider, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Shutdown() })
	address := startOAuth2Proxy(t, provider)
	w := newWorld(t)
	login := w.service("oauth2-proxy", address, "")
	auth := &ir.Auth{
		Cluster: login, RequestHeaders: []string{"cookie", "x-forwarded-proto"},
		ResponseHeaders: []string{"x-auth-request-user", "x-auth-request-email"},
	}
	w.serve(
		rule("login", "/oauth2", to(login, nil)), // the way back from the provider needs no session
		rule("shop", "/", to(w.service("shop", shop(t), ""), auth)),
	)
	for _, host := range hosts {
		client, forged := browser(t), map[string]string{"X-Auth-Request-User": "eve", "X-Auth-Request-Email": "eve@test"}
		out := w.do(client, ask{http.MethodGet, host, "/cart", "", forged})
		at, err := url.Parse(out.header.Get("Location"))
		if err != nil || out.status != http.StatusFound ||
			at.Host != provider.Config().Issuer[len("http://"):len("http://")+len(at.Host)] || len(out.header["Set-Cookie"]) == 0 {
			t.Fatalf("%s without a session: %d %v %.200s", host, out.status, out.header, out.text)
		}
		provider.QueueUser(&mockoidc.MockUser{Subject: "ann", Email: "ann@test", EmailVerified: true, PreferredUsername: "ann"})
		response, err := client.Get(at.String()) // the provider, which knows who it is
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		back, err := url.Parse(response.Header.Get("Location"))
		if err != nil || back.Path != "/oauth2/callback" {
			t.Fatalf("%s: the provider answers %s, %v", host, response.Status, response.Header)
		}
		out = w.do(client, ask{http.MethodGet, host, back.RequestURI(), "", nil})
		if out.status != http.StatusFound || out.header.Get("Location") != "/cart" {
			t.Fatalf("%s: the login ends with %d %v %.300s", host, out.status, out.header, out.text)
		}
		for _, body := range []string{"", strings.Repeat("x", 100_000)} {
			out = w.do(client, ask{http.MethodPost, host, "/cart", body, forged})
			if out.status != http.StatusOK || out.got.Header.Get("X-Auth-Request-Email") != "ann@test" ||
				out.got.Header.Get("X-Auth-Request-User") != "ann" || out.got.Body != len(body) {
				t.Errorf("%s with a session: %d, the backend got %+v (%.200s)", host, out.status, out.got, out.text)
			}
		}
		out = w.do(client, ask{http.MethodGet, host, "/oauth2/sign_out", "", nil})
		if out.status != http.StatusFound {
			t.Errorf("%s: sign out: %d %.200s", host, out.status, out.text)
		}
		if out = w.do(client, ask{http.MethodGet, host, "/cart", "", forged}); out.status != http.StatusFound {
			t.Errorf("%s signed out: %d %.200s", host, out.status, out.text)
		}
	}
}

// startOAuth2Proxy builds and starts the server: 200 to requests with a session, at any path.
func startOAuth2Proxy(t *testing.T, provider *mockoidc.MockOIDC) (address string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "oauth2-proxy")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/oauth2-proxy/oauth2-proxy/v7").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	address = fmt.Sprint("127.0.0.1:", proxytest.Port(t))
	config := provider.Config()
	command := exec.Command(binary,
		"--http-address="+address, "--upstream=static://200", "--provider=oidc", "--oidc-issuer-url="+config.Issuer,
		"--client-id="+config.ClientID, "--client-secret="+config.ClientSecret, "--email-domain=*", "--insecure-oidc-allow-unverified-email",
		"--cookie-secret="+strings.Repeat("s", 32), "--cookie-secure=false", "--reverse-proxy", "--set-xauthrequest",
		"--skip-provider-button", "--whitelist-domain=127.0.0.1",
	)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("oauth2-proxy says:\n%s", &output)
		}
	})
	listens(t, address)
	return address
}
