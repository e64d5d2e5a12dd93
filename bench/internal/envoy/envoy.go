// Package envoy runs Envoys beside the product's, on the machine of the benchmark.
//
// Job: start a binary with the product's own bootstrap, changed where a benchmark needs it, and
// say what its threads cost. Inputs: a bootstrap. Outputs: a process that ends with its context.
// Ownership: one goroutine, locked to its thread, owns each process: the death signal, with
// which the kernel ends it should this program die, is tied to that thread.
package envoy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/xds/bootstrap"
)

// ErrNoBinary says what is missing.
var ErrNoBinary = errors.New("no Envoy binary: set ENVOY")

// Process is a running Envoy.
type Process struct {
	PID  int
	name string
	log  *os.File
}

// Start runs an Envoy until the context ends. change is given the product's bootstrap as plain
// values, to adapt it. When the Envoy ends by itself, so does this program: nothing that is
// measured afterwards would be true.
func Start(
	ctx context.Context, binary string, config bootstrap.Config, change func(map[string]any) error, args ...string,
) (*Process, error) {
	if binary == "" {
		return nil, ErrNoBinary
	}
	files, err := bootstrap.Files(config)
	if err != nil {
		return nil, err
	}
	if files[bootstrap.BootstrapFile], err = changed(files[bootstrap.BootstrapFile], change); err != nil {
		return nil, err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(config.Directory, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	log, err := os.Create(filepath.Join(config.Directory, "envoy.log"))
	if err != nil {
		return nil, err
	}
	p := &Process{name: config.Gateway.String(), log: log}
	arguments := append(bootstrap.Args(config.Directory, config.Gateway.String()), args...)
	return p, p.start(ctx, exec.CommandContext(ctx, binary, arguments...))
}

func (p *Process) start(ctx context.Context, cmd *exec.Cmd) error {
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		defer p.log.Close()
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		if err := cmd.Wait(); ctx.Err() == nil {
			text, _ := os.ReadFile(p.log.Name())
			fmt.Fprintf(os.Stderr, "the Envoy of %s ended: %v\n%s", p.name, err, text)
			os.Exit(1)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	p.PID = cmd.Process.Pid
	return nil
}

// changed applies a change to a rendered bootstrap. Its listener is for the kubelet alone: of no
// use here, and its port is taken when there are two.
func changed(text []byte, change func(map[string]any) error) ([]byte, error) {
	config := map[string]any{}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, err
	}
	static, ok := config["static_resources"].(map[string]any)
	if !ok {
		return nil, errors.New("the product's bootstrap has no static resources")
	}
	delete(static, "listeners")
	if err := change(config); err != nil {
		return nil, err
	}
	return json.Marshal(config) // JSON is YAML
}

// WithoutSink is a proxy that reports no counters, and so does not gather them.
func WithoutSink(config map[string]any) {
	delete(config, "stats_sinks")
	delete(config, "stats_flush_interval")
	config["stats_flush_on_admin"] = true
}
