package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

// width is how many components build at once. One alone leaves processors idle
// while it links; more than two only compete.
const width = 2

// CacheEnv names the environment variable with the cache's folder.
const CacheEnv = "TESTBED_CACHE"

// Builder builds into a cache.
type Builder struct {
	Root  string // of the repository
	Cache string
	Log   *progress.Log
}

// New is a builder for the repository at root with the user's cache.
func New(root string, log *progress.Log) (*Builder, error) {
	cache := os.Getenv(CacheEnv)
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no cache folder (set %s): %w", CacheEnv, err)
		}
		cache = filepath.Join(base, "kedify-testbed")
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return nil, err
	}
	b := &Builder{Root: root, Cache: cache, Log: log}
	return b, os.MkdirAll(filepath.Join(cache, "bin"), 0o755)
}

// Install is the folder of one component, for tests that run what is in it. It is silent.
func Install(ctx context.Context, root, component string) (string, error) {
	b, err := New(root, progress.New(io.Discard, time.Now()))
	if err != nil {
		return "", err
	}
	folders, err := b.Build(ctx, Request{Components: []string{component}})
	return folders[component], err
}

// Request says what to build.
type Request struct {
	Components []string // names; Gateway is one of them
	GatewayDir string   // where the gateway's binary goes
	// Lenient goes on without the gateway when the tree does not compile:
	// a cluster is of use to developers who work on it.
	Lenient bool
}

// Build makes what is asked for, as far as it is not in the cache, and returns
// the folder of each component.
func (b *Builder) Build(ctx context.Context, r Request) (map[string]string, error) {
	var mu sync.Mutex
	dirs := map[string]string{}
	done := func(name, dir string) {
		mu.Lock()
		defer mu.Unlock()
		dirs[name] = dir
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(width)
	for _, c := range Components { // in the table's order: the longest first
		if !slices.Contains(r.Components, c.Name) {
			continue
		}
		group.Go(func() error {
			dir, err := b.component(ctx, c)
			done(c.Name, dir)
			return err
		})
	}
	if slices.Contains(r.Components, Gateway) {
		group.Go(func() error {
			err := b.gateway(ctx, r.GatewayDir)
			switch {
			case err == nil:
				done(Gateway, r.GatewayDir)
			case r.Lenient && ctx.Err() == nil:
				b.Log.Printf("WARNING: going on without our own image: %v", err)
				err = nil
			}
			return err
		})
	}
	return dirs, group.Wait()
}

// component builds one component unless its folder is there. The folder
// appears in one step, when it is complete.
func (b *Builder) component(ctx context.Context, c Component) (string, error) {
	module := filepath.Join(b.Root, "hack", "testbed", "components", c.Name)
	if c.Libraries != "" {
		module = filepath.Join(b.Root, filepath.FromSlash(c.Folder))
	}
	tool, err := toolOf(ctx, c, module)
	if err != nil {
		return "", err
	}
	key, err := key(c, module, tool)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(b.Cache, "bin", c.Name+"-"+c.Version+"-"+key)
	if exists(dir) {
		return dir, nil
	}
	unlock, err := lockFile(filepath.Join(b.Cache, c.Name+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(dir) { // built by another process during the wait
		return dir, nil
	}
	partial := dir + ".partial"
	if err := errors.Join(os.RemoveAll(partial), os.MkdirAll(partial, 0o755)); err != nil {
		return "", err
	}
	step := b.Log.Step(c.Name)
	produce := b.compile
	switch {
	case c.Wheel != "":
		produce = b.unpackWheel
	case c.Debian != "":
		produce = b.unpackDebian
	case c.Libraries != "":
		produce = b.installLibraries
	}
	if err := produce(ctx, c, module, partial, step); err != nil {
		return "", fmt.Errorf("build %s: %w", c.Name, err)
	}
	for _, binary := range c.Binaries() {
		if !exists(filepath.Join(partial, binary)) {
			return "", fmt.Errorf("build %s: no %s came out", c.Name, binary)
		}
	}
	step.Done("built %s", c.Version)
	return dir, os.Rename(partial, dir)
}

// toolOf is the tool of the machine that a component depends on, as part of its key: the version of Go, or the interpreter
// of Python that its files lead to. Empty for a component that depends on none.
func toolOf(ctx context.Context, c Component, module string) (string, error) {
	if c.fromSource() {
		version, err := goVersion(ctx, module)
		if err != nil {
			return "", fmt.Errorf("go is needed to build: %w", err)
		}
		return version, nil
	}
	if oldest := recipes[c.Libraries].oldest; oldest > 0 {
		return interpreter(ctx, oldest)
	}
	return "", nil
}

// goVersion is the Go that builds a module: its go.mod may name a newer one than the machine has.
func goVersion(ctx context.Context, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION")
	cmd.Dir, cmd.Env = module, goEnvironment()
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// lockFile keeps two builds of one component apart, also of two processes.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
