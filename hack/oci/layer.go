package oci

import (
	"compress/gzip"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Plain is a layer of the files as they are: nothing to compress here and to unpack where it is imported.
func Plain(files []File) (v1.Layer, error) {
	layer := plain{files: slices.Clone(files)} // read whenever the layer is opened
	stream := layer.open()
	defer stream.Close()
	var err error
	if layer.digest, layer.size, err = v1.SHA256(stream); err != nil {
		return nil, err
	}
	return partial.CompressedToLayer(layer)
}

// Compressed is a layer of the files for registries. The compressed bytes are kept in memory.
func Compressed(files []File) (v1.Layer, error) {
	layer := plain{files: slices.Clone(files)}
	open := func() (io.ReadCloser, error) { return layer.open(), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer),
		tarball.WithCompressionLevel(gzip.DefaultCompression), tarball.WithCompressedCaching)
}

// plain is what go-containerregistry calls a compressed layer, whose compression is none.
type plain struct {
	files  []File
	digest v1.Hash
	size   int64
}

func (l plain) Digest() (v1.Hash, error)             { return l.digest, nil }
func (l plain) DiffID() (v1.Hash, error)             { return l.digest, nil }
func (l plain) Size() (int64, error)                 { return l.size, nil }
func (l plain) MediaType() (types.MediaType, error)  { return types.OCIUncompressedLayer, nil }
func (l plain) Compressed() (io.ReadCloser, error)   { return l.open(), nil }
func (l plain) Uncompressed() (io.ReadCloser, error) { return l.open(), nil }

// open streams the files. The goroutine ends when the stream is read to its end or closed.
func (l plain) open() io.ReadCloser {
	r, w := io.Pipe()
	go func() { w.CloseWithError(WriteTar(w, l.files)) }()
	return r
}
