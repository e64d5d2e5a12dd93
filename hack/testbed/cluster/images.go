package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/kedify/inference-gateway/hack/testbed/build"
	"github.com/kedify/inference-gateway/hack/testbed/image"
)

// ImportImages builds images and imports them into a running cluster.
func ImportImages(ctx context.Context, l Layout, b *build.Builder, images []image.Image) error {
	unlock, err := lock(l)
	if err != nil {
		return err
	}
	defer unlock()
	return importImages(ctx, l, b, images)
}

func importImages(ctx context.Context, l Layout, b *build.Builder, images []image.Image) error {
	record, err := readRecord(l)
	if err != nil {
		return err
	}
	binaries, err := b.Build(ctx, build.Request{Components: componentsOf(images), GatewayDir: l.path("build")})
	if err != nil {
		return err
	}
	archives, err := packImages(l, b, images, binaries)
	if err != nil {
		return err
	}
	step := b.Log.Step("images")
	archives = slices.DeleteFunc(archives, func(archive string) bool { return slices.Contains(record.Archives, archive) })
	for _, archive := range archives {
		cmd := exec.CommandContext(ctx, filepath.Join(l.Bin(), "ctr"), "--namespace=k8s.io", "images", "import", archive)
		var out bytes.Buffer
		cmd.Dir, cmd.Stdout, cmd.Stderr = "/", &out, &out
		if err := runInside(record.Holder, cmd); err != nil {
			return fmt.Errorf("import %s: %w\n%s", filepath.Base(archive), err, out.Bytes())
		}
	}
	step.Done("%d archives imported", len(archives))
	record.Archives = append(record.Archives, archives...)
	return writeRecord(l, record)
}

func componentsOf(images []image.Image) []string {
	var names []string
	for _, i := range images {
		names = append(names, i.Component)
	}
	return names
}

// packImages returns one archive per image whose component was built. The
// gateway's is kept with the cluster, not in the cache, where every edit would
// leave one more copy.
func packImages(l Layout, b *build.Builder, images []image.Image, binaries map[string]string) ([]string, error) {
	var archives []string
	for _, i := range images {
		dir, built := binaries[i.Component]
		if !built {
			continue
		}
		packer := image.Packer{Dir: filepath.Join(b.Cache, "images")}
		if i.Component == build.Gateway {
			packer = image.Packer{Dir: l.path("images"), Single: true}
		}
		archive, err := packer.Pack(i, filepath.Join(dir, i.Binary))
		if err != nil {
			return nil, err
		}
		archives = append(archives, archive)
	}
	return archives, nil
}
