package hubclient

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// ReadFiles reads the objects of files, YAML or JSON, and of what lists in them hold; "-" is the
// standard input. take gets each object with its text, in which it can look for fields that a kind
// does not have.
func ReadFiles(paths []string, stdin io.Reader, take func(obj *unstructured.Unstructured, doc []byte) error) error {
	for _, path := range paths {
		if err := readFile(path, stdin, take); err != nil {
			return err
		}
	}
	return nil
}

func readFile(path string, in io.Reader, take func(*unstructured.Unstructured, []byte) error) error {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	docs := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for n := 1; ; n++ {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && len(bytes.TrimSpace(doc)) == 0 {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := takeDocument(doc, take); err != nil {
			return fmt.Errorf("%s: document %d: %w", path, n, err)
		}
	}
}

func takeDocument(doc []byte, take func(*unstructured.Unstructured, []byte) error) error {
	obj := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON(doc)
	if err != nil {
		return err
	}
	// this decoder keeps whole numbers whole, as they come from the hub
	if err := utiljson.Unmarshal(data, &obj.Object); err != nil {
		return err
	}
	switch {
	case len(obj.Object) == 0: // nothing but comments
		return nil
	case obj.IsList():
		return obj.EachListItem(func(item runtime.Object) error {
			one, err := yaml.Marshal(item)
			if err != nil {
				return err
			}
			return takeDocument(one, take)
		})
	case obj.GetKind() == "" || obj.GetAPIVersion() == "" || obj.GetName() == "":
		return errors.New("an object needs apiVersion, kind and metadata.name")
	}
	return take(obj, doc)
}
