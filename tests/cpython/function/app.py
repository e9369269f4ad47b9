"""Runs one of CPython's test files and says how each test ended. Most of what the tests are about
is imported here, so that it is in the image."""

import asyncio
import concurrent.futures
import ctypes
import datetime
import decimal
import doctest
import importlib
import json
import locale
import logging.config
import logging.handlers
import multiprocessing.managers
import multiprocessing.pool
import multiprocessing.shared_memory
import os
import random
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import unittest
import unittest.mock
import uuid
import zoneinfo

USED = (asyncio, concurrent, ctypes, datetime, decimal, doctest, json, locale, logging)
USED += (multiprocessing, os, random, signal, socket, sqlite3, ssl, subprocess, tempfile)
USED += (threading, time, uuid, zoneinfo)


class Recorder(unittest.TextTestResult):
    """Keeps the outcome of each test by its name; a failed subtest fails its test."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.outcomes = {}

    def note(self, test, outcome):
        self.outcomes.setdefault(test.id(), outcome)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test, "passed")

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, f"error: {err[0].__name__}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "failed")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.note(test, "failed as expected")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "passed unexpectedly")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(test, "failed")


def handler(event, context):
    # Children are an installed Python: what they do is no matter of this process.
    sys.path.append(event["library"])
    sys.executable = sys._base_executable = event["python"]
    from test import support
    from test.support import os_helper

    logging.root.handlers.clear()  # test_logging expects a process that nobody has set up
    logging.root.setLevel(logging.WARNING)
    support.use_resources = ()
    support.verbose = False
    name = f"test.{event['file']}"
    with os_helper.temp_cwd():
        try:
            module = importlib.import_module(name)
            suite = unittest.defaultTestLoader.loadTestsFromModule(module)
        except unittest.SkipTest:
            return {name: "skipped"}
        except BaseException:
            return {name: traceback.format_exc()}
        runner = unittest.TextTestRunner(sys.stderr, verbosity=2, resultclass=Recorder)
        return runner.run(suite).outcomes
