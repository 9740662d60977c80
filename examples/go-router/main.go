// SPDX-License-Identifier: Apache-2.0

// Command go-router is an HTTP proxy for OpenAI's chat completions. To a request for the model "auto" it lets mlsel find
// the model, and forwards it there; streamed answers are streamed on.
//
//	go-router [-config config.json] [-check]
//
// SIGHUP reads the router's configuration again, SIGINT and SIGTERM let requests finish and end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	path := flag.String("config", "config.json", "the proxy's configuration")
	check := flag.Bool("check", false, "read the configuration, say whether it is sound, and end")
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, "usage: go-router [-config config.json] [-check]\n\n"+
			"A proxy for chat completions that sends requests for the model \"auto\" to the model mlsel chooses.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*path, *check); err != nil {
		fmt.Fprintln(os.Stderr, "go-router:", err)
		os.Exit(1)
	}
}

func run(path string, check bool) error {
	config, err := ReadConfig(path)
	if err != nil {
		return err
	}
	proxy, err := NewProxy(config)
	if err != nil {
		return err
	}
	defer proxy.Close()
	if check {
		fmt.Println(path + ": ok")
		return nil
	}
	server := &http.Server{
		Addr:              config.Listen,
		Handler:           proxy,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
	}
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	log.Printf("listening on %s, %d models", config.Listen, len(config.Models))
	for {
		select {
		case err := <-failed:
			return err
		case <-reload:
			if err := proxy.Reload(); err != nil {
				log.Printf("the configuration stays as it was: %v", err)
			} else {
				log.Print("configuration read again")
			}
		case <-stop.Done():
			log.Print("ending")
			timeout, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			if err := server.Shutdown(timeout); err != nil && !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		}
	}
}
