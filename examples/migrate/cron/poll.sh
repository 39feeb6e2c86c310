#!/bin/sh
mkdir -p out && echo polled >> out/polls.txt
