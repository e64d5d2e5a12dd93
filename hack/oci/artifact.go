package oci

import (
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// emptyConfig is the configuration of what is no image, and emptyType its type: OCI image specification 1.1, "guidance for
// an empty descriptor".
const (
	emptyConfig = "{}"
	emptyType   = types.MediaType("application/vnd.oci.empty.v1+json")
)

// Attach is a document about an image: a referrer in the words of OCI 1.1, which registries list beside the image and
// `oras discover` and its like find. mediaType is the document's, and the type of the artifact.
func Attach(subject v1.Image, mediaType string, document []byte, annotations map[string]string) (v1.Image, error) {
	about, err := partial.Descriptor(subject)
	if err != nil {
		return nil, err
	}
	blob := static.NewLayer(document, types.MediaType(mediaType))
	content, err := partial.Descriptor(blob)
	if err != nil {
		return nil, err
	}
	config, err := partial.Descriptor(static.NewLayer([]byte(emptyConfig), emptyType))
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: mediaType, Config: *config, Layers: []v1.Descriptor{*content},
		Subject:     &v1.Descriptor{MediaType: about.MediaType, Digest: about.Digest, Size: about.Size},
		Annotations: annotations,
	})
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(artifact{manifest: manifest, blob: blob, digest: content.Digest})
}

// artifact is what go-containerregistry completes to an image.
type artifact struct {
	manifest []byte
	blob     v1.Layer
	digest   v1.Hash
}

func (artifact) RawConfigFile() ([]byte, error)      { return []byte(emptyConfig), nil }
func (artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (a artifact) RawManifest() ([]byte, error)      { return a.manifest, nil }

func (a artifact) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	if digest != a.digest {
		return nil, fmt.Errorf("the artifact has no blob %s", digest)
	}
	return a.blob, nil
}
