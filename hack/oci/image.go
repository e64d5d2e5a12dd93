package oci

import (
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Nonroot is the user and group of images that need no other: that of the distroless images.
const Nonroot = "65532:65532"

// searchPath is where programs look for others, as in the images that people know.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Spec is what an image is, apart from its files.
type Spec struct {
	Architecture string // as Go spells it: amd64, arm64
	Entrypoint   []string
	Cmd          []string
	User         string // uid:gid
	// Annotations stand on the manifest, and as labels in the configuration: registries show the first,
	// container engines the second.
	Annotations map[string]string
	Created     time.Time // of the source; the epoch when zero
}

// Build is an image of the layers on top of base, which may be nil.
func Build(spec Spec, base v1.Image, layers ...v1.Layer) (v1.Image, error) {
	if base == nil {
		base = mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	}
	config, err := base.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	created := v1.Time{Time: spec.Created.UTC()}
	if spec.Created.IsZero() {
		created = v1.Time{Time: fixed.UTC()}
	}
	config.OS, config.Architecture, config.Created = "linux", spec.Architecture, created
	config.Config.User, config.Config.WorkingDir = spec.User, "/"
	config.Config.Entrypoint, config.Config.Cmd = spec.Entrypoint, spec.Cmd
	config.Config.Labels = spec.Annotations
	if len(config.Config.Env) == 0 {
		config.Config.Env = []string{searchPath}
	}
	image, err := mutate.ConfigFile(base, config)
	if err != nil {
		return nil, err
	}
	for _, layer := range layers {
		added := mutate.Addendum{Layer: layer, History: v1.History{Created: created, CreatedBy: "hack/oci"}}
		if image, err = mutate.Append(image, added); err != nil {
			return nil, err
		}
	}
	if len(spec.Annotations) > 0 {
		image = mutate.Annotations(image, spec.Annotations).(v1.Image)
	}
	return image, nil
}
