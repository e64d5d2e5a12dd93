package bootstrap_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/internal/golden"
	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
)

func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", func(t *testing.T, c *golden.Case) []golden.Section {
		var config bootstrap.Config
		if err := yaml.UnmarshalStrict(c.Input, &config); err != nil {
			t.Fatal(err)
		}
		files, err := bootstrap.Files(config)
		if err != nil {
			t.Fatal(err)
		}
		return []golden.Section{
			{Name: "Arguments", Body: "- " + strings.Join(bootstrap.Args(config.Directory, "$(POD_NAMESPACE)/$(POD_NAME)"), "\n- ")},
			{Name: "Bootstrap", Body: string(files[bootstrap.BootstrapFile])},
			{Name: "Certificate", Body: string(files[bootstrap.CertificateFile])},
			{Name: "Authority", Body: string(files[bootstrap.AuthorityFile])},
		}
	})
}

func config() bootstrap.Config {
	return bootstrap.Config{
		Gateway: ir.Key{Namespace: "infra", Name: "main"}, Directory: "/etc/bootstrap",
		ServerAddress: "controller.kedify.svc", ServerPort: 18000, ServerName: "controller.kedify.svc",
		CertificateDirectory: "/etc/certificate", AdminSocket: "/run/admin.sock",
		RelaySocket: "/run/relay.sock", PickersSocket: "/run/pickers.sock",
	}
}

func TestIncompleteConfig(t *testing.T) {
	for name, spoil := range map[string]func(*bootstrap.Config){
		"namespace": func(c *bootstrap.Config) { c.Gateway.Namespace = "" },
		"name":      func(c *bootstrap.Config) { c.Gateway.Name = "" },
		"directory": func(c *bootstrap.Config) { c.Directory = "" },
		"address":   func(c *bootstrap.Config) { c.ServerAddress = "" },
		"port":      func(c *bootstrap.Config) { c.ServerPort = 0 },
		"high port": func(c *bootstrap.Config) { c.ServerPort = 65536 },
		"server":    func(c *bootstrap.Config) { c.ServerName = "" },
		"keys":      func(c *bootstrap.Config) { c.CertificateDirectory = "" },
		"admin":     func(c *bootstrap.Config) { c.AdminSocket = "" },
		"relay":     func(c *bootstrap.Config) { c.RelaySocket = "" },
	} {
		c := config()
		spoil(&c)
		if _, err := bootstrap.Files(c); !errors.Is(err, bootstrap.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := bootstrap.Render(config()); err != nil {
		t.Error(err)
	}
}

// TestEnvoyAccepts loads the bootstrap alone: a proxy must start before the control plane
// says anything. That it then connects, trusts and becomes ready is tested in xds/translate.
func TestEnvoyAccepts(t *testing.T) {
	binary := os.Getenv("ENVOY")
	if binary == "" {
		t.Skip("ENVOY is not set: it names the Envoy binary to test with (the Makefile sets it)")
	}
	c := config()
	c.Directory, c.CertificateDirectory, c.MaxHeapBytes = t.TempDir(), t.TempDir(), 1<<30
	files, err := bootstrap.Files(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(c.Directory, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := append(bootstrap.Args(c.Directory, "infra/pod"), "--mode", "validate")
	if output, err := exec.Command(binary, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
