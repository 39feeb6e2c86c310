#!/bin/sh
mkdir -p out && echo "report of $SHOP" > out/report.txt
