package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/kedify/inference-gateway/hack/testbed/build"
	"github.com/kedify/inference-gateway/hack/testbed/image"
	"github.com/kedify/inference-gateway/hack/testbed/process"
	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

// UpOptions is what `up` is asked for.
type UpOptions struct {
	Layout  Layout
	Builder *build.Builder
	Profile string
	Images  image.Options
	Log     *progress.Log
}

// nodeComponents are the binaries that run outside of pods.
var nodeComponents = []string{"kubernetes", "etcd", "containerd"}

// Up builds what is missing and brings the cluster up. On a cluster that runs
// it only imports what its images lack. When it fails or ctx ends, nothing it
// has started is left.
func Up(ctx context.Context, o UpOptions) error {
	images, err := image.ForProfile(image.Table(o.Images), o.Profile)
	if err != nil {
		return err
	}
	host, err := build.PrepareHost(ctx, o.Log)
	if err != nil {
		return err
	}
	unlock, err := lock(o.Layout)
	if err != nil {
		return err
	}
	defer unlock()
	record, err := loadRecord(o.Layout)
	if err == nil && record.Ready && record.Holder.Alive() {
		if family := cmp.Or(record.Family, IPv4); family != o.Layout.Family {
			return fmt.Errorf("%q runs with addresses of %s, not of %s: take it down first", o.Layout.Name, family, o.Layout.Family)
		}
		o.Log.Printf("%q is running already", o.Layout.Name)
		return importImages(ctx, o.Layout, o.Builder, images)
	}
	if err := clean(o.Layout, record); err != nil {
		return fmt.Errorf("clean up the last cluster: %w", err)
	}

	binaries, archives, err := buildAll(ctx, o, images)
	if err != nil {
		return err
	}
	if err := writeFiles(o.Layout, host, binaries); err != nil {
		return err
	}
	if err := writeJSON(o.Layout.handover(), handover{Started: o.Log.Start(), Archives: archives}); err != nil {
		return err
	}
	return bringUp(ctx, o, archives)
}

// buildAll returns the folder of each component and the image archives.
func buildAll(ctx context.Context, o UpOptions, images []image.Image) (map[string]string, []string, error) {
	step := o.Log.Step("binaries")
	binaries, err := o.Builder.Build(ctx, build.Request{
		Components: append(componentsOf(images), nodeComponents...),
		GatewayDir: o.Layout.path("build"),
		Lenient:    true,
	})
	if err != nil {
		return nil, nil, err
	}
	archives, err := packImages(o.Layout, o.Builder, images, binaries)
	if err != nil {
		return nil, nil, err
	}
	step.Done("in the cache")
	return binaries, archives, nil
}

// writeFiles prepares the cluster's folder: keys, configuration, and links to
// all binaries, among them a copy of this one, which `go run` would delete.
func writeFiles(l Layout, host build.Host, binaries map[string]string) error {
	if err := l.prepare(); err != nil {
		return err
	}
	if err := errors.Join(writePKI(l), writeKubeconfigs(l), writeNodeConfigs(l, host.Runc, host.CNI)); err != nil {
		return err
	}
	for name, dir := range binaries {
		if name == build.Gateway {
			continue // it runs in pods only
		}
		c, err := build.Lookup(name)
		if err != nil {
			return err
		}
		for _, binary := range c.Binaries() {
			if err := os.Symlink(filepath.Join(dir, binary), filepath.Join(l.Bin(), binary)); err != nil {
				return err
			}
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(l.Bin(), "testbed"), program, 0o755)
}

// bringUp creates the namespaces and boots inside of them.
func bringUp(ctx context.Context, o UpOptions, archives []string) (err error) {
	l := o.Layout
	if err := createCgroups(l.CgroupParent()); err != nil {
		return err
	}
	record := Record{Profile: o.Profile, Family: l.Family, Started: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, clean(l, record))
		}
	}()
	holder, leash, err := startHolder(l)
	record.Holder = holder
	if err != nil {
		return err
	}
	if err := writeRecord(l, record); err != nil {
		return err
	}
	if err := bootInside(ctx, l, holder); err != nil {
		return err
	}
	record.Ready, record.Archives = true, archives
	if err := errors.Join(leash.release(), writeRecord(l, record)); err != nil {
		return err
	}
	o.Log.Printf("%q is up", l.Name)
	return nil
}

// bootInside runs Boot in the namespaces. Ctrl-C reaches ctx, whose end kills
// the holder, and so everything.
func bootInside(ctx context.Context, l Layout, holder process.Identity) error {
	stop := context.AfterFunc(ctx, func() { _ = holder.Kill() })
	defer stop()
	cmd := exec.Command(filepath.Join(l.Bin(), "testbed"), "boot", "--dir", l.Dir, "--name", l.Name, "--ip-family", string(l.Family))
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", os.Stdout, os.Stderr
	if err := runInside(holder, cmd); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("stopped: %w", context.Cause(ctx))
		}
		return fmt.Errorf("bring up: %w", err)
	}
	return nil
}
