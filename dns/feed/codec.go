package feed

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/serializer/cbor/direct"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// The content of a state is chunks: an octet that says what is in it, the length in four octets, and
// that much content. Objects are in CBOR, some hundred in a chunk, so that all cores can read: a
// server that starts without the hub has nothing to answer until it has read them all.
const (
	chunkHead       = 'h' // in JSON
	chunkZones      = 'z'
	chunkRecords    = 'd'
	chunkPlans      = 'p'
	chunkRegionMaps = 'r'

	perChunk = 256
)

var errTorn = errors.New("the content ends within a chunk")

// encode writes a state.
func (s *State) encode(w io.Writer) error {
	head, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := writeChunk(w, chunkHead, head); err != nil {
		return err
	}
	return errors.Join(
		encodeObjects(w, chunkZones, s.Zones),
		encodeObjects(w, chunkRecords, s.Records),
		encodeObjects(w, chunkRegionMaps, s.RegionMaps),
		encodeObjects(w, chunkPlans, s.Plans))
}

func encodeObjects[T any](w io.Writer, kind byte, objects []*T) error {
	for len(objects) > 0 {
		n := min(perChunk, len(objects))
		body, err := direct.Marshal(objects[:n])
		if err != nil {
			return err
		}
		if err := writeChunk(w, kind, body); err != nil {
			return err
		}
		objects = objects[n:]
	}
	return nil
}

func writeChunk(w io.Writer, kind byte, body []byte) error {
	if _, err := w.Write(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)))); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

// decode reads what encode wrote.
func (s *State) decode(content []byte) error {
	var zones, records, plans, regionMaps [][]byte
	for len(content) > 0 {
		if len(content) < 5 {
			return errTorn
		}
		kind, size := content[0], int(binary.BigEndian.Uint32(content[1:]))
		content = content[5:]
		if len(content) < size {
			return errTorn
		}
		body := content[:size]
		content = content[size:]
		switch kind {
		case chunkHead:
			if err := json.Unmarshal(body, s); err != nil {
				return err
			}
		case chunkZones:
			zones = append(zones, body)
		case chunkRecords:
			records = append(records, body)
		case chunkPlans:
			plans = append(plans, body)
		case chunkRegionMaps:
			regionMaps = append(regionMaps, body)
		default:
			return fmt.Errorf("a chunk of the unknown kind %q", kind)
		}
	}
	var errs [4]error
	s.Zones, errs[0] = decodeObjects[trafficv1alpha1.Zone](zones)
	s.RegionMaps, errs[1] = decodeObjects[trafficv1alpha1.RegionMap](regionMaps)
	s.Plans, errs[2] = decodeObjects[trafficv1alpha1.TrafficPlan](plans)
	s.Records, errs[3] = decodeObjects[trafficv1alpha1.ZoneRecords](records)
	return errors.Join(errs[:]...)
}

// decodeObjects reads chunks on all cores.
func decodeObjects[T any](chunks [][]byte) ([]*T, error) {
	read := make([][]*T, len(chunks))
	errs := make([]error, len(chunks))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(chunks)) {
		wg.Go(func() {
			for i := range next {
				errs[i] = direct.Unmarshal(chunks[i], &read[i])
			}
		})
	}
	for i := range chunks {
		next <- i
	}
	close(next)
	wg.Wait()
	var out []*T
	for _, objects := range read {
		for _, o := range objects {
			if o == nil {
				return nil, errors.New("an object is missing")
			}
			out = append(out, o)
		}
	}
	return out, errors.Join(errs...)
}
