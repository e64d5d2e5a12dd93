package pickers

import (
	"bytes"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/translate"
)

// FuzzAnswer: no answer of a picker breaks the asker, and none but one that names an endpoint of the pool counts as knowing it.
func FuzzAnswer(f *testing.F) {
	for _, list := range []string{"10.0.0.1:8000", " 10.0.0.9:1 ,10.0.0.1:8000", ",,", ""} {
		answer := &extprocv3.ProcessingResponse{
			Response: &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}},
			DynamicMetadata: &structpb.Struct{Fields: map[string]*structpb.Value{
				translate.PickNamespace: structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
					translate.PickKey: structpb.NewStringValue(list),
				}}),
			}},
		}
		data, _ := proto.Marshal(answer)
		f.Add(data)
	}
	q := &Question{Endpoints: []ir.Endpoint{{Address: "10.0.0.1", Port: 8000}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		answer := &extprocv3.ProcessingResponse{}
		if proto.Unmarshal(data, answer) != nil {
			return
		}
		if q.judge(answer) == Known && (answer.GetImmediateResponse() != nil || !bytes.Contains(data, []byte("10.0.0.1:8000"))) {
			t.Errorf("%v counts as knowing the pool", answer)
		}
	})
}
