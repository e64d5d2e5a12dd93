package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/hack/oci"
	"github.com/kedify/inference-gateway/hack/release/sbom"
	"github.com/kedify/inference-gateway/hack/source"
)

// repository is the image's name in the chart.
const repository = "ghcr.io/kedify/inference-gateway"

// platforms of the image.
var platforms = []platform{{"linux", "amd64"}, {"linux", "arm64"}}

type imageOptions struct {
	name string // in the archives
	push string
	base string
}

func (r *releaser) imageCommand() *cobra.Command {
	var o imageOptions
	command := &cobra.Command{
		Use: "image", Short: "Build the image for linux/amd64 and linux/arm64; push it where --push says", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.image(cmd.Context(), o) },
	}
	command.Flags().StringVar(&o.name, "name", repository, "of the image in the archives")
	command.Flags().StringVar(&o.push, "push", "",
		"registry/name[:tag] to push to, with the credentials of docker login; the tag is the version unless given")
	command.Flags().StringVar(&o.base, "base", "", "image to build upon, instead of the files that a static program needs")
	return command
}

// built is an image of all platforms, and the bills of material of each.
type built struct {
	index  v1.ImageIndex
	images map[platform]v1.Image
	bills  []v1.Image
}

func (r *releaser) image(ctx context.Context, o imageOptions) error {
	tree, err := source.Read(ctx, r.root, r.version)
	if err != nil {
		return err
	}
	// Before minutes of building: a name that is none.
	target, err := pushTarget(o, tree)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	image, err := r.buildImage(ctx, tree, o, work)
	if err != nil {
		return err
	}
	if err := r.writeImage(tree, o, image); err != nil {
		return err
	}
	if target == nil {
		return nil
	}
	return r.push(ctx, *target, image)
}

func pushTarget(o imageOptions, tree source.Tree) (*name.Tag, error) {
	if o.push == "" {
		return nil, nil
	}
	tag, err := name.NewTag(o.push, name.WithDefaultTag(tree.Version))
	if err != nil {
		return nil, fmt.Errorf("push: %w", err)
	}
	return &tag, nil
}

func (r *releaser) buildImage(ctx context.Context, tree source.Tree, o imageOptions, work string) (built, error) {
	image := built{index: empty.Index, images: map[platform]v1.Image{}}
	notes := annotations(tree)
	for _, p := range platforms {
		r.say("%s: building", p)
		program, err := r.build(ctx, tree, p, work)
		if err != nil {
			return built{}, err
		}
		made, err := r.imageOf(ctx, tree, o, program)
		if err != nil {
			return built{}, fmt.Errorf("image for %s: %w", p, err)
		}
		bill, err := billOf(tree, program)
		if err != nil {
			return built{}, fmt.Errorf("bill of materials for %s: %w", p, err)
		}
		attached, err := oci.Attach(made, sbom.MediaType, bill, map[string]string{
			created: notes[created], "org.opencontainers.image.title": programName + ".spdx.json",
		})
		if err != nil {
			return built{}, err
		}
		image.images[p] = made
		image.bills = append(image.bills, attached)
		image.index = mutate.AppendManifests(image.index, mutate.IndexAddendum{
			Add: made, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: p.os, Architecture: p.arch}},
		})
	}
	image.index = mutate.Annotations(image.index, notes).(v1.ImageIndex)
	return image, nil
}

// imageOf packs a program: what is around it changes with this module's dependencies, and comes first.
func (r *releaser) imageOf(ctx context.Context, tree source.Tree, o imageOptions, p program) (v1.Image, error) {
	spec := oci.Spec{
		Architecture: p.platform.arch, Entrypoint: []string{"/" + programName}, User: oci.Nonroot,
		Annotations: annotations(tree), Created: tree.Time,
	}
	base, layers, err := foundation(ctx, o.base, p.platform, spec.Annotations)
	if err != nil {
		return nil, err
	}
	for _, files := range [][]oci.File{r.notices(p, licenseFolder), {{Path: "/" + programName, Mode: 0o755, Source: p.path}}} {
		layer, err := oci.Compressed(files)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return oci.Build(spec, base, layers...)
}

// foundation is the named image, or a layer of what a static program needs.
func foundation(ctx context.Context, base string, p platform, notes map[string]string) (v1.Image, []v1.Layer, error) {
	if base == "" {
		files, err := oci.Rootfs()
		if err != nil {
			return nil, nil, err
		}
		layer, err := oci.Compressed(files)
		return nil, []v1.Layer{layer}, err
	}
	reference, err := name.ParseReference(base)
	if err != nil {
		return nil, nil, fmt.Errorf("base: %w", err)
	}
	image, err := remote.Image(reference, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithPlatform(v1.Platform{OS: p.os, Architecture: p.arch}))
	if err != nil {
		return nil, nil, fmt.Errorf("base: %w", err)
	}
	digest, err := image.Digest()
	if err != nil {
		return nil, nil, fmt.Errorf("base: %w", err)
	}
	notes["org.opencontainers.image.base.name"], notes["org.opencontainers.image.base.digest"] = reference.Name(), digest.String()
	return image, nil, nil
}

// created is the annotation with the time of an image: that of the commit.
const created = "org.opencontainers.image.created"

// annotations say where an image comes from; the names are those of the OCI image specification.
func annotations(tree source.Tree) map[string]string {
	return map[string]string{
		created:                                  tree.Time.Format(time.RFC3339),
		"org.opencontainers.image.description":   "An open inference gateway for Kubernetes",
		"org.opencontainers.image.documentation": source.Project + "/tree/main/docs",
		"org.opencontainers.image.licenses":      "Apache-2.0",
		"org.opencontainers.image.revision":      tree.Revision,
		"org.opencontainers.image.source":        source.Project,
		"org.opencontainers.image.title":         programName,
		"org.opencontainers.image.url":           source.Project,
		"org.opencontainers.image.version":       tree.Version,
	}
}

func billOf(tree source.Tree, p program) ([]byte, error) {
	sum, err := sha256sum(p.path)
	if err != nil {
		return nil, err
	}
	return sbom.Document(sbom.Program{Source: tree, Platform: p.platform.String(), SHA256: sum, Modules: p.modules})
}

// writeImage writes an OCI layout of all platforms and an archive of each.
func (r *releaser) writeImage(tree source.Tree, o imageOptions, image built) error {
	folder := filepath.Join(r.out, "image")
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o755)); err != nil {
		return err
	}
	all := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: image.index, Descriptor: v1.Descriptor{Annotations: map[string]string{"org.opencontainers.image.ref.name": tree.Version}},
	})
	for _, attached := range image.bills {
		all = mutate.AppendManifests(all, mutate.IndexAddendum{Add: attached})
	}
	if _, err := layout.Write(filepath.Join(folder, "layout"), all); err != nil {
		return err
	}
	digest, err := image.index.Digest()
	if err != nil {
		return err
	}
	r.say("%s:%s is %s", o.name, tree.Version, digest)
	r.say("OCI layout  %s", filepath.Join(folder, "layout"))
	for _, p := range platforms {
		archive := filepath.Join(folder, programName+"-"+p.os+"-"+p.arch+".tar")
		if err := oci.WriteArchive(archive, image.images[p], o.name+":"+tree.Version); err != nil {
			return err
		}
		r.say("archive     %s", archive)
	}
	return nil
}

// push writes the image of all platforms under the tag, and the bills of material as referrers.
func (r *releaser) push(ctx context.Context, tag name.Tag, image built) error {
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	if err := remote.WriteIndex(tag, image.index, options...); err != nil {
		return fmt.Errorf("push %s: %w", tag, err)
	}
	for _, attached := range image.bills {
		about, err := partial.Descriptor(attached)
		if err != nil {
			return err
		}
		if err := remote.Write(tag.Digest(about.Digest.String()), attached, options...); err != nil {
			return fmt.Errorf("push the bill of materials: %w", err)
		}
	}
	digest, err := image.index.Digest()
	if err != nil {
		return err
	}
	r.say("pushed      %s@%s", tag, digest)
	return nil
}
