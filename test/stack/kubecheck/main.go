// Reads Kubernetes manifests as strictly as an API server: unknown and repeated fields are errors. Prints each object as JSON.
//
//	kubecheck MANIFEST               objects, one after the other
//	kubecheck MANIFEST PATCH         the StatefulSet that a strategic merge patch makes of the first
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(files []string) error {
	if len(files) == 2 {
		return patch(files[0], files[1])
	}
	return printObjects(files[0])
}

func printObjects(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(core.AddToScheme(scheme), apps.AddToScheme(scheme)); err != nil {
		return err
	}
	decoder := serializer.NewSerializerWithOptions(serializer.DefaultMetaFactory, scheme, scheme, serializer.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(content)))
	defer documents.Close()
	buffer := make([]byte, len(content)+1)
	for {
		size, err := documents.Read(buffer)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		object, _, err := decoder.Decode(buffer[:size], nil, nil)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(object); err != nil {
			return err
		}
	}
}

func patch(file, patchFile string) error {
	original, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	change, err := os.ReadFile(patchFile)
	if err != nil {
		return err
	}
	var set, changes apps.StatefulSet
	if err := strict.UnmarshalStrict(original, &set); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := strict.UnmarshalStrict(change, &changes); err != nil {
		return fmt.Errorf("%s: %w", patchFile, err)
	}
	originalJSON, err := json.Marshal(set)
	if err != nil {
		return err
	}
	changeJSON, err := strict.YAMLToJSON(change)
	if err != nil {
		return err
	}
	patched, err := strategicpatch.StrategicMergePatch(originalJSON, changeJSON, apps.StatefulSet{})
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(patched)
	return err
}
