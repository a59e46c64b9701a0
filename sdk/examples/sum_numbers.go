// A handler in Go without a library: it speaks the protocol of docs/handler-protocol.md.
package main

import (
	"bufio"
	"encoding/json"
	"os"
)

type message struct {
	Start *struct {
		ID    string `json:"id"`
		Input struct {
			Numbers []float64 `json:"numbers"`
		} `json:"input"`
	} `json:"start"`
	Ping *struct {
		N int64 `json:"n"`
	} `json:"ping"`
}

type object map[string]any

func main() {
	from, to := os.NewFile(3, "from drover"), json.NewEncoder(os.NewFile(4, "to drover"))
	to.Encode(object{"hello": object{"protocol": 1, "sdk": "go-example", "types": []string{"sum-numbers"}}})
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return // Drover closed the channel
		}
		var m message
		if json.Unmarshal(line, &m) != nil {
			os.Exit(1)
		}
		switch {
		case m.Start != nil:
			sum := 0.0
			for _, number := range m.Start.Input.Numbers {
				sum += number
			}
			to.Encode(object{"progress": object{"id": m.Start.ID, "fraction": 1}})
			to.Encode(object{"result": object{"id": m.Start.ID, "output": object{"sum": sum}}})
		case m.Ping != nil:
			to.Encode(object{"pong": object{"n": m.Ping.N}})
		}
	}
}
